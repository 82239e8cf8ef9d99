// A boot clock that tests own. Any thread may read it; boot again only while no store is open.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include "stores/boot_clock.h"

namespace lockkeeper::support {

class FakeBootClock final : public stores::BootClock {
 public:
  std::string boot() const override { return boot_; }
  std::chrono::nanoseconds now() const override { return now_.load(); }

  void pass(std::chrono::nanoseconds time) { now_ = now() + time; }
  void set(std::chrono::nanoseconds now) { now_ = now; }
  void boot_again(std::string id, std::chrono::nanoseconds now = std::chrono::seconds(20)) {
    boot_ = std::move(id);
    now_ = now;
  }

 private:
  std::string boot_ = "first boot";
  std::atomic<std::chrono::nanoseconds> now_{std::chrono::hours(1)};
};

}  // namespace lockkeeper::support
