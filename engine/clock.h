// Time as the engine sees it: wall time for people's eyes, steady time for deadlines. Tests own it.
#pragma once

#include <chrono>

#include "locks/time.h"

namespace lockkeeper::engine {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual locks::WallTime wall() const = 0;                          // may jump
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // never goes back
};

class SystemClock final : public Clock {
 public:
  locks::WallTime wall() const override;
  std::chrono::steady_clock::time_point steady() const override;
};

}  // namespace lockkeeper::engine
