// What the agent counts. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "agent/outcome.h"

namespace lockkeeper::agent {

class Tally {
 public:
  // Seconds, from the moment at which the agent heard of a release to the API's 2xx.
  static const std::vector<double>& delay_bounds();

  void count(Outcome::Kind kind) { tries_[static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t tries(Outcome::Kind kind) const { return tries_[static_cast<std::size_t>(kind)].load(); }
  void resumed_after(std::chrono::nanoseconds delay);

  struct Delays {
    std::vector<std::uint64_t> counts;  // one a bound, and one for what is above
    double sum = 0;
  };
  Delays delays() const;

  std::atomic<std::uint64_t> deleted{0};        // gates
  std::atomic<std::uint64_t> feed_failures{0};  // polls of the lock API that failed
  std::atomic<bool> leads{false};
  std::atomic<bool> api_away{false};

 private:
  std::array<std::atomic<std::uint64_t>, kOutcomes> tries_{};
  mutable std::mutex mutex_;
  Delays delays_{std::vector<std::uint64_t>(delay_bounds().size() + 1), 0};
};

}  // namespace lockkeeper::agent
