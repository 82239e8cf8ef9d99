#include "wire/json_out.h"

#include <array>
#include <charconv>

#include "wire/native_json.h"

namespace lockkeeper::wire {

namespace {

constexpr std::string_view hex = "0123456789abcdef";

// Bytes that need a look before they are copied.
constexpr std::array<bool, 256> special(bool web) {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) table[byte] = true;
  table['"'] = table['\\'] = true;
  if (web) {
    table['<'] = table['>'] = table['&'] = true;
    for (std::size_t byte = 0x80; byte < 0x100; ++byte) table[byte] = true;
  }
  return table;
}
constexpr auto special_minimal = special(false);
constexpr auto special_web = special(true);

void escape_ascii(char c, std::string& out) {
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
  }
}

void append(std::string_view text, Escapes escapes, std::string& out) {
  const auto& table = escapes == Escapes::web ? special_web : special_minimal;
  out += '"';
  std::size_t plain = 0;  // start of what was not copied yet
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (!table[byte]) {
      ++at;
      continue;
    }
    std::size_t length = 1;
    const char* replacement = nullptr;
    if (byte >= 0x80) {
      length = utf8_length(text, at);
      if (length == 0) {
        replacement = "\\ufffd";
        length = 1;
      } else if (length == 3 && text.substr(at, 2) == "\xE2\x80" &&
                 (text[at + 2] == '\xA8' || text[at + 2] == '\xA9')) {
        replacement = text[at + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      } else {
        at += length;
        continue;
      }
    }
    out.append(text, plain, at - plain);
    if (replacement != nullptr) {
      out += replacement;
    } else {
      escape_ascii(text[at], out);
    }
    at += length;
    plain = at;
  }
  out.append(text, plain);
  out += '"';
}

template <class Number>
void append_number(Number number, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  out.append(digits.begin(), end);
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char lead = byte(at);
  // RFC 3629, section 4: what the second byte may be depends on the first.
  const auto second = [&](unsigned char low, unsigned char high) {
    return byte(at + 1) >= low && byte(at + 1) <= high;
  };
  const auto tail = [&](std::size_t i) { return (byte(at + i) & 0xC0) == 0x80; };
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    return second(lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    return second(lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

JsonOut& JsonOut::text(std::string_view text) {
  comma();
  append(text, escapes_, out_);
  return *this;
}

JsonOut& JsonOut::number(std::uint64_t number) {
  comma();
  append_number(number, out_);
  return *this;
}

JsonOut& JsonOut::number(std::int64_t number) {
  comma();
  append_number(number, out_);
  return *this;
}

void write_text(std::string_view text, std::string& out) {
  append(text, Escapes::web, out);
}

}  // namespace lockkeeper::wire
