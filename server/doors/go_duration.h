// Durations as Go's time.ParseDuration reads them, for what the original shared-lock read with it: a header and its
// variables. Not locks/duration.h, which people type: that knows ISO 8601 too, no sign, and its own longest.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace lockkeeper::server {

// "1m30s", "1.5h", "+500ms", "-5s", "3us" (and both signs of micro), "10ns", "0". nullopt: none, or it does not fit
// into 64 bits of nanoseconds (292 years).
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

}  // namespace lockkeeper::server
