#include "cli/stormlock/utf8.h"

#include <array>

namespace lockkeeper::cli::stormlock {
namespace {

// Of a sequence, by its first byte (RFC 3629).
struct Shape {
  unsigned char mask, mark;
  std::size_t length;
  char32_t least;  // shorter forms exist below
};

constexpr std::array shapes = {Shape{0x80, 0x00, 1, 0}, Shape{0xe0, 0xc0, 2, 0x80}, Shape{0xf0, 0xe0, 3, 0x800},
                               Shape{0xf8, 0xf0, 4, 0x10000}};

std::optional<char32_t> whole(std::string_view text, const Shape& shape) {
  if (text.size() < shape.length) return std::nullopt;
  char32_t point = static_cast<unsigned char>(text[0]) & ~static_cast<unsigned>(shape.mask);
  for (const char next : text.substr(1, shape.length - 1)) {
    const auto byte = static_cast<unsigned char>(next);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte & 0x3f);
  }
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < shape.least || point > 0x10ffff || surrogate) return std::nullopt;
  return point;
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  for (const Shape& shape : shapes) {
    if ((first & shape.mask) != shape.mark) continue;
    const auto point = whole(text, shape);
    text.remove_prefix(point ? shape.length : 1);
    return point;
  }
  text.remove_prefix(1);
  return std::nullopt;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (!take_code_point(text)) return false;
  }
  return true;
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) take_code_point(text);
  return count;
}

}  // namespace lockkeeper::cli::stormlock
