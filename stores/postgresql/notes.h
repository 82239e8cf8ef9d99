// What a NOTIFY carries: which locks are at which version, as text of less than 8,000 bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"

namespace lockkeeper::stores::postgresql {

// PostgreSQL takes 7,999 bytes.
inline constexpr std::size_t longest_payload = 7900;

// "NAME VERSION"; a payload is such notes with a space between two. Names are escaped as %XX.
std::string note(std::string_view lock, locks::Version version);

// Adds what a payload tells; false: it is none of ours, or cut short.
bool read_notes(std::string_view payload, std::vector<engine::Changed>& changes);

}  // namespace lockkeeper::stores::postgresql
