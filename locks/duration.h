// Durations as people type them: Go's style ("90s", "1h30m", "1.5h", "500ms") and ISO 8601 ("PT1M30S").
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace lockkeeper::locks {

struct DurationFault {
  std::string text;  // a sentence with a hint, e.g. for a bare number: `10 has no unit: write "10s"`
};

// At least a unit is required ("0" alone is refused too); negative, empty, overlong (more than 100 years) and
// garbage are faults. Fractions are cut to milliseconds.
std::variant<std::chrono::milliseconds, DurationFault> parse_duration(std::string_view text);

// "1h30m", "1m30s", "1s500ms", "0s": exact, and what parse_duration() reads.
std::string exact_duration(std::chrono::milliseconds duration);

// "3m10s", "1h", "250ms": two most significant units at most, for logs.
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace lockkeeper::locks
