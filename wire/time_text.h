// RFC 3339 in UTC with milliseconds: "2026-11-21T09:05:00.000Z".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "locks/time.h"

namespace lockkeeper::wire {

std::string time_text(locks::WallTime time);
std::optional<locks::WallTime> parse_time(std::string_view text);

}  // namespace lockkeeper::wire
