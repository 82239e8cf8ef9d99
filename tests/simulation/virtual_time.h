// Time of a simulated world: it moves only from one thing on the agenda to the next.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/clock.h"

namespace lockkeeper::simulation {

using Time = std::chrono::microseconds;  // since the world began

// Everything that happens gets the next number: the order of calls, commits and replies, finer than time.
using Moment = std::uint64_t;

// One server's clocks. They agree with nobody's: the steady one starts at each boot somewhere else, the wall
// clock jumps.
class VirtualClock final : public engine::Clock {
 public:
  VirtualClock(const Time& now, Time steady_offset) : now_(now), steady_offset_(steady_offset) {}

  locks::WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(kBegin + now_ + wall_offset_);
  }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(now_ + steady_offset_ +
                                                 (taken_for_wall_ ? wall_offset_ : Time(0)));
  }

  void jump(Time by) { wall_offset_ += by; }
  void boot(Time steady_offset) { steady_offset_ = steady_offset; }
  void take_steady_for_wall() { taken_for_wall_ = true; }  // a planted bug

 private:
  static constexpr std::chrono::sys_days kBegin = std::chrono::year(2026) / 3 / 1;

  const Time& now_;
  Time steady_offset_;
  Time wall_offset_{0};
  bool taken_for_wall_ = false;
};

}  // namespace lockkeeper::simulation
