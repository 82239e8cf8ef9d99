#include "stores/sqlite/system_boot_clock.h"

#include <time.h>  // clock_gettime, CLOCK_BOOTTIME

#include <fstream>

namespace lockkeeper::stores::sqlite {

std::string SystemBootClock::boot() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;  // where there is none, it stays empty
  return id;
}

// A system without it gives 0: no row is then ever of any age.
std::chrono::nanoseconds SystemBootClock::now() const {
  timespec now = {};
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return {};
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace lockkeeper::stores::sqlite
