// Wall time as people read it. The rules never ask a clock: `now` comes in as an argument, and nothing in
// here decides whether a lease has ended (DESIGN: Time).
#pragma once

#include <chrono>

namespace lockkeeper::locks {

// UTC, milliseconds since the Unix epoch: the resolution of every time that is stored or shown.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

}  // namespace lockkeeper::locks
