// Time and chance, which a test owns.
#pragma once

#include <chrono>

namespace lockkeeper::agent {

class Clock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  virtual ~Clock() = default;
  virtual Time now() = 0;
  virtual std::chrono::sys_seconds wall() = 0;
  virtual double random() = 0;                                 // in [0, 1)
  virtual void sleep(std::chrono::milliseconds duration) = 0;  // shorter when the agent stops
};

}  // namespace lockkeeper::agent
