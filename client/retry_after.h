// Retry-After (RFC 9110, 10.2.3): a number of seconds, or an HTTP date.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lockkeeper::client {

// What does not parse is none; a date that has passed is 0 s; longer than a day is a day.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::chrono::sys_seconds now);

}  // namespace lockkeeper::client
