// Whether every thread of the agent still comes round: each says how long its turn may take. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "agent/clock.h"

namespace lockkeeper::agent {

class Vitals {
 public:
  Vitals(std::size_t threads, Clock& clock)
      : clock_(clock), threads_(threads), back_by_(std::make_unique<std::atomic<Clock::Time>[]>(threads)) {
    for (std::size_t i = 0; i < threads; ++i) back_by_[i] = Clock::Time::max();
  }
  // Thread `index` is back within `most`, or stuck. Time::max(): it rests.
  void turn(std::size_t index, std::chrono::milliseconds most) { back_by_[index] = clock_.now() + most; }
  void rest(std::size_t index) { back_by_[index] = Clock::Time::max(); }
  bool well() const {
    const auto now = clock_.now();
    for (std::size_t i = 0; i < threads_; ++i) {
      if (back_by_[i].load() < now) return false;
    }
    return true;
  }

 private:
  Clock& clock_;
  const std::size_t threads_;
  const std::unique_ptr<std::atomic<Clock::Time>[]> back_by_;
};

}  // namespace lockkeeper::agent
