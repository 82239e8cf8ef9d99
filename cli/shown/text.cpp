#include "cli/shown/text.h"

#include <clocale>
#include <cwchar>

namespace lockkeeper::cli {
namespace {

constexpr std::string_view ellipsis = "…";

// This thread reads UTF-8 whatever locale the program has. Where even C.UTF-8 is missing (it comes with the C
// library's programs), what is not ASCII in a plain locale is taken for invalid, and shown so.
class Utf8 {
 public:
  Utf8() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  ~Utf8() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

 private:
  locale_t locale_;
  locale_t before_{};
};

struct Letter {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first one of a text that is not empty, under Utf8.
Letter first_letter(std::string_view text) {
  std::mbstate_t state{};
  wchar_t code = 0;
  const std::size_t bytes = std::mbrtowc(&code, text.data(), text.size(), &state);
  if (bytes == 0) return {0, 1, true};
  if (bytes > text.size()) return {};  // invalid, or cut off
  return {static_cast<char32_t>(code), bytes, true};
}

// Directions, line and paragraph separators, joiners of nothing, byte order marks.
bool invisible(char32_t code) {
  return code == 0xAD || code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xE0000 && code <= 0xE007F);
}

bool control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

std::size_t width_of(const Letter& letter) {
  const int width = letter.valid ? wcwidth(static_cast<wchar_t>(letter.code)) : 1;
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

}  // namespace

std::string harmless(std::string_view text) {
  const Utf8 locale;
  std::string result;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    if (!letter.valid || control(letter.code) || invisible(letter.code)) {
      result += '?';
    } else {
      result += text.substr(0, letter.bytes);
    }
    text.remove_prefix(letter.bytes);
  }
  return result;
}

std::size_t shown_width(std::string_view text) {
  const Utf8 locale;
  std::size_t width = 0;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    width += width_of(letter);
    text.remove_prefix(letter.bytes);
  }
  return width;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (width == 0) return std::string(text);
  const Utf8 locale;
  std::size_t end = 0;  // of what fits beside an ellipsis
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Letter letter = first_letter(text.substr(at));
    used += width_of(letter);
    if (used > width) return std::string(text.substr(0, end)) += ellipsis;
    at += letter.bytes;
    if (used + 1 <= width) end = at;
  }
  return std::string(text);
}

}  // namespace lockkeeper::cli
