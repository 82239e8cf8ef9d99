// Texts that come from files, arguments and databases, by code points.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lockkeeper::cli::stormlock {

// Takes the first code point off a text that is not empty. nullopt: its first byte begins none, and was taken.
std::optional<char32_t> take_code_point(std::string_view& text);

bool is_utf8(std::string_view text);
// A byte that is no part of one counts as one.
std::size_t code_points(std::string_view text);

}  // namespace lockkeeper::cli::stormlock
