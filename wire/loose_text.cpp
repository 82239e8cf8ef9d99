#include "wire/loose_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "wire/json_out.h"

namespace lockkeeper::wire {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view escaped_replacement = "\\ufffd";
constexpr std::size_t escape_length = 6;  // \uXXXX

// The code unit of the \uXXXX at `at`, if one is there.
std::optional<std::uint16_t> code_unit(std::string_view text, std::size_t at) {
  if (text.size() - at < escape_length || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  const char* first = text.data() + at + 2;
  std::uint16_t unit = 0;
  const auto [end, fault] = std::from_chars(first, first + 4, unit, 16);
  if (fault != std::errc() || end != first + 4) return std::nullopt;
  return unit;
}

// What stands at `at`: how many bytes of it, and what to put in their place (nullopt: leave them).
struct Piece {
  std::size_t length;
  std::optional<std::string_view> instead;
};

// A backslash outside of a string is a fault to the parser anyway, so strings need not be told from the rest.
Piece escape_at(std::string_view text, std::size_t at) {
  const auto unit = code_unit(text, at);
  if (!unit) return {std::min<std::size_t>(2, text.size() - at), std::nullopt};
  if (*unit < 0xD800 || *unit > 0xDFFF) return {escape_length, std::nullopt};
  if (*unit <= 0xDBFF) {
    const auto low = code_unit(text, at + escape_length);
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) return {2 * escape_length, std::nullopt};
  }
  return {escape_length, escaped_replacement};
}

Piece piece_at(std::string_view text, std::size_t at) {
  if (text[at] == '\\') return escape_at(text, at);
  const std::size_t length = utf8_length(text, at);
  if (length == 0) return {1, replacement};
  return {length, std::nullopt};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string_view mend(std::string_view body, std::string& scratch) {
  std::size_t kept = 0;  // where what is not copied yet begins
  bool mended = false;
  for (std::size_t at = 0; at < body.size();) {
    const Piece piece = piece_at(body, at);
    if (piece.instead) {
      if (!mended) scratch.clear();
      mended = true;
      scratch.append(body, kept, at - kept);
      scratch.append(*piece.instead);
      kept = at + piece.length;
    }
    at += piece.length;
  }
  if (!mended) return body;
  scratch.append(body, kept);
  return scratch;
}

bool same_field(std::string_view name, std::string_view plain) {
  for (const char c : plain) {
    if (name.empty()) return false;
    if (lower(name.front()) == c) {
      name.remove_prefix(1);
    } else if (c == 'k' && name.starts_with("\u212A")) {
      name.remove_prefix(3);
    } else if (c == 's' && name.starts_with("\u017F")) {
      name.remove_prefix(2);
    } else {
      return false;
    }
  }
  return name.empty();
}

}  // namespace lockkeeper::wire
