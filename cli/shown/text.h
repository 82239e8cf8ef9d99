// Text from outside (names, holders, metadata) on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lockkeeper::cli {

// Without what could move a cursor, change a colour or turn the direction of writing: each control character, each
// invisible mark of direction and each byte that is no UTF-8 becomes a "?".
std::string harmless(std::string_view text);

// Columns that harmless text takes: none for what combines with a letter, two for the wide letters of East Asia.
std::size_t shown_width(std::string_view text);

// At most that wide; what is cut ends in "…". 0: no limit.
std::string shortened(std::string_view text, std::size_t width);

}  // namespace lockkeeper::cli
