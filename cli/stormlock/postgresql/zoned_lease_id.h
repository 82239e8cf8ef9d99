// The lease ids that are given out here: UUIDs of version 4 whose last six bytes tell that `expires` of their row
// is local time at an offset that is known.
//
// The original's columns are without time zone. What it writes there is the local time of its session, and which
// zone that was, nothing tells: a session further east takes a lock that is held for one that has ended. In a row
// with such an id, nobody has to guess. The original takes it for any other UUID. docs/decisions/0011 tells why.
#pragma once

#include <cstdint>
#include <string>

namespace lockkeeper::cli::stormlock {

// `minutes`: what local time is ahead of UTC. `random`: 16 bytes.
std::string zoned_lease_id(std::int64_t minutes, std::string random);

// SQL on a column or value of type uuid: whether it is such an id, and the minutes.
std::string sql_tells_offset(const std::string& uuid);
std::string sql_minutes(const std::string& uuid);

}  // namespace lockkeeper::cli::stormlock
