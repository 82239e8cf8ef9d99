#include "cli/stormlock/section.h"

#include <charconv>
#include <utility>

namespace lockkeeper::cli::stormlock {
namespace {

// configparser's bound (MAX_INTERPOLATION_DEPTH).
constexpr int kDeepest = 10;
// Ours: keys that name each other several times would multiply.
constexpr int kMost = 1'000;
constexpr std::size_t kLongest = 64 * 1024;

using Raw = std::map<std::string, std::string>;

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string resolve(const std::string& called, const std::string& key, const std::string& value, const Raw& raw,
                    int depth, int& left) {
  const auto wrong = [&](const std::string& what) -> ConfigError {
    return ConfigError(called + ": " + key + ": " + what);
  };
  if (depth > kDeepest) throw wrong("%(...)s goes too deep");
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    if (value[at] != '%') {
      out += value[at++];
      continue;
    }
    if (value.substr(at, 2) == "%%") {
      out += '%';
      at += 2;
      continue;
    }
    const std::size_t end = value.find(')', at);
    if (value.substr(at, 2) != "%(" || end == std::string::npos || value.substr(end, 2) != ")s") {
      throw wrong("a % is written %% here, or as %(key)s");
    }
    const std::string other = lower(value.substr(at + 2, end - at - 2));
    const auto found = raw.find(other);
    if (found == raw.end()) throw wrong("%(" + other + ")s names no key of this section");
    if (--left < 0) throw wrong("%(...)s names too many keys");
    out += resolve(called, key, found->second, raw, depth + 1, left);
    if (out.size() > kLongest) throw wrong("%(...)s makes it too long");
    at = end + 2;
  }
  return out;
}

}  // namespace

Section::Section(std::string called, Raw raw) : called_(std::move(called)), raw_(std::move(raw)) {}

std::optional<std::string> Section::get(const std::string& key) const {
  const auto found = raw_.find(key);
  if (found == raw_.end()) return std::nullopt;
  int left = kMost;
  return resolve(called_, key, found->second, raw_, 1, left);
}

std::string Section::get(const std::string& key, const std::string& otherwise) const {
  return get(key).value_or(otherwise);
}

std::optional<long long> Section::number(const std::string& key) const {
  const auto text = get(key);
  if (!text) return std::nullopt;
  long long value = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (fault != std::errc() || end != text->data() + text->size()) {
    throw ConfigError(called_ + ": " + key + " is no integer");
  }
  return value;
}

bool Section::has(const std::string& key) const {
  const auto found = raw_.find(key);
  return found != raw_.end() && !found->second.empty();
}

std::vector<std::string> Section::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : raw_) names.push_back(key);
  return names;
}

}  // namespace lockkeeper::cli::stormlock
