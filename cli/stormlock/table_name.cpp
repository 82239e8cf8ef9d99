#include "cli/stormlock/table_name.h"

#include <string_view>

namespace lockkeeper::cli::stormlock {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// How many of the first characters are an identifier; 0: none.
std::size_t identifier(std::string_view text, char quote) {
  std::size_t at = 0;
  if (text.empty() || text.front() != quote) {
    while (at < text.size() && is_plain(text[at])) ++at;
    return at > 0 && (text.front() < '0' || text.front() > '9') ? at : 0;
  }
  for (at = 1; at < text.size(); ++at) {
    if (text[at] == '\0') return 0;
    if (text[at] != quote) continue;
    if (at + 1 == text.size() || text[at + 1] != quote) return at > 1 ? at + 1 : 0;
    ++at;
  }
  return 0;
}

}  // namespace

std::string table_name(const Section& section, char quote) {
  const std::string name = section.get("table", "stormlock");
  std::string_view rest = name;
  for (;;) {
    const std::size_t length = identifier(rest, quote);
    rest.remove_prefix(length);
    if (length == 0 || (!rest.empty() && rest.front() != '.')) {
      throw ConfigError(section.called() +
                        ": table is no name of a table; that is NAME or SCHEMA.NAME, with other " +
                        "characters than letters, digits and _ between " + quote + "s");
    }
    if (rest.empty()) return name;
    rest.remove_prefix(1);
  }
}

}  // namespace lockkeeper::cli::stormlock
