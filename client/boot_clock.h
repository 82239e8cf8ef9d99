// The clock that leases are counted by: monotonic, and it goes on while the machine sleeps (CLOCK_BOOTTIME), as the
// server's does. std::chrono::steady_clock stands still then, and a lease would look alive that is long over.
#pragma once

#include <chrono>

namespace lockkeeper::client {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

}  // namespace lockkeeper::client
