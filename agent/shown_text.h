// What others wrote, on its way into a log line or a sentence for the operator.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lockkeeper::agent {

// On one line, without control characters, at most so many bytes (cut between characters, with "..").
std::string shown_text(std::string_view text, std::size_t most_bytes = 200);

}  // namespace lockkeeper::agent
