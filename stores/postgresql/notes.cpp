#include "stores/postgresql/notes.h"

#include <charconv>
#include <optional>

namespace lockkeeper::stores::postgresql {
namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = digits.find(text[i + 1]);
    const auto low = digits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view word(std::string_view& text) {
  const auto end = text.find(' ');
  const auto first = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return first;
}

}  // namespace

std::string note(std::string_view lock, locks::Version version) {
  std::string out;
  for (const char c : lock) {
    if (c > ' ' && c < '\x7f' && c != '%') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out + ' ' + std::to_string(version);
}

bool read_notes(std::string_view payload, std::vector<engine::Changed>& changes) {
  while (!payload.empty()) {
    auto lock = unescaped(word(payload));
    const auto number = word(payload);
    locks::Version version = 0;
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), version);
    if (!lock || number.empty() || fault != std::errc() || end != number.data() + number.size()) return false;
    changes.push_back({std::move(*lock), version});
  }
  return true;
}

}  // namespace lockkeeper::stores::postgresql
