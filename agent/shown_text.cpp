#include "agent/shown_text.h"

namespace lockkeeper::agent {

std::string shown_text(std::string_view text, std::size_t most_bytes) {
  bool cut = false;
  if (text.size() > most_bytes) {
    std::size_t end = most_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
    cut = true;
  }
  std::string shown(text);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return cut ? shown + ".." : shown;
}

}  // namespace lockkeeper::agent
