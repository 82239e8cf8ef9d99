// What `stormlock current` shows of a lease.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

enum class Format { id, json, lines, oneline, cols, rows };
inline constexpr std::array<std::string_view, 6> format_names = {"id", "json", "lines", "oneline", "cols", "rows"};

std::optional<Format> parse_format(std::string_view name);

// All that is printed; the json alone has no newline at its end. Moments are shown in the process's time zone (TZ),
// cut to milliseconds.
std::string shown(const Lease& lease, Format format);

}  // namespace lockkeeper::cli::stormlock
