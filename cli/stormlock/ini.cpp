#include "cli/stormlock/ini.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "cli/stormlock/utf8.h"

namespace lockkeeper::cli::stormlock {
namespace {

constexpr std::string_view kBlanks = " \t\v\f\r\x1c\x1d\x1e\x1f";
constexpr const char* kDefaults = "DEFAULT";  // feeds all others

std::string_view stripped(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Without its end, which is \n, \r or both.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end);
  if (rest.starts_with("\r\n")) rest.remove_prefix(1);
  if (!rest.empty()) rest.remove_prefix(1);
  return line;
}

class Reader {
 public:
  using Settings = std::map<std::string, std::string>;

  Reader(const std::string& name, std::map<std::string, Settings>& sections) : name_(name), sections_(sections) {}

  void line(std::string_view line) {
    ++number_;
    const std::string_view content = stripped(line);
    if (content.starts_with('#') || content.starts_with(';')) return;
    if (content.empty()) {
      if (value_ != nullptr) *value_ += '\n';  // counts only where more of the value follows
      return;
    }
    const std::size_t indent = line.find_first_not_of(kBlanks);
    if (value_ != nullptr && indent > indent_) {
      *value_ += '\n';
      *value_ += content;
      return;
    }
    indent_ = indent;
    const std::size_t header_end = content.rfind(']');
    if (content.starts_with('[') && header_end != std::string_view::npos && header_end > 1) {
      begin_section(std::string(content.substr(1, header_end - 1)));
    } else {
      setting(content);
    }
  }

 private:
  void begin_section(std::string header) {
    const auto [at, fresh] = sections_.try_emplace(header);
    if (!fresh && header != kDefaults) throw wrong("[" + header + "] is there twice: put its settings together");
    section_ = &at->second;
    header_ = std::move(header);
    value_ = nullptr;
  }

  void setting(std::string_view content) {
    if (section_ == nullptr)
      throw wrong("a setting stands before the first [section]: begin the file with [default]");
    const std::size_t delimiter = content.find_first_of("=:");
    const std::string key = lower(stripped(content.substr(0, std::min(delimiter, content.size()))));
    if (delimiter == std::string_view::npos || key.empty()) {
      throw wrong("this is neither [section] nor key = value: a comment begins with # on a line of its own");
    }
    const auto [at, fresh] = section_->try_emplace(key, stripped(content.substr(delimiter + 1)));
    if (!fresh) throw wrong(key + " is there twice in [" + header_ + "]: keep one of them");
    value_ = &at->second;
  }

  ConfigError wrong(const std::string& what) const {
    return ConfigError(name_ + ", line " + std::to_string(number_) + ": " + what);
  }

  const std::string& name_;
  std::map<std::string, Settings>& sections_;
  std::string header_;
  Settings* section_ = nullptr;
  std::string* value_ = nullptr;  // of the latest setting, which deeper indented lines continue
  std::size_t indent_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

IniFile::IniFile(std::string name, std::string_view text) : name_(std::move(name)) {
  if (!is_utf8(text)) throw ConfigError(name_ + " is not UTF-8: save it as such");
  if (text.starts_with("\xef\xbb\xbf"))
    throw ConfigError(name_ + " begins with a byte order mark: save it as UTF-8 without one");
  Reader reader(name_, sections_);
  while (!text.empty()) reader.line(take_line(text));
  for (auto& [header, settings] : sections_) {
    for (auto& [key, value] : settings) {
      const std::size_t last = value.find_last_not_of(" \t\v\f\r\n\x1c\x1d\x1e\x1f");
      value.resize(last == std::string::npos ? 0 : last + 1);
    }
  }
}

std::optional<Section> IniFile::section(const std::string& name) const {
  const auto found = sections_.find(name);
  if (found == sections_.end()) return std::nullopt;
  Settings all = found->second;
  const auto defaults = sections_.find(kDefaults);
  if (defaults != sections_.end()) all.insert(defaults->second.begin(), defaults->second.end());
  return Section(name_ + ": [" + name + "]", std::move(all));
}

}  // namespace lockkeeper::cli::stormlock
