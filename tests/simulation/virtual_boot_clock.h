// The clock of the boot of the only machine there is, when a server is alone with its store.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "stores/boot_clock.h"
#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

class VirtualBootClock final : public stores::BootClock {
 public:
  explicit VirtualBootClock(const Time& now) : now_(now) {}

  std::string boot() const override { return "boot " + std::to_string(boots_); }
  std::chrono::nanoseconds now() const override { return now_ - began_; }

  void next() {
    ++boots_;
    began_ = now_;
  }
  // A planted bug: another boot, taken for the one before.
  void next_unnoticed() { began_ -= std::chrono::hours(1); }

 private:
  const Time& now_;
  Time began_{0};
  std::uint64_t boots_ = 1;
};

}  // namespace lockkeeper::simulation
