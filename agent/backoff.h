// How long to wait before the next try. Pure.
#pragma once

#include <chrono>
#include <optional>

namespace lockkeeper::agent {

struct Backoff {
  std::chrono::milliseconds first = std::chrono::seconds(1);
  std::chrono::milliseconds cap = std::chrono::seconds(60);
};

// After `failures` in a row, 1 or more: `first`, doubled each time, up to `cap`; of that a random part, half of it
// at least. `random` in [0, 1). A server's Retry-After is a lower bound, up to an hour.
std::chrono::milliseconds pause_after(unsigned failures, const Backoff& backoff, double random,
                                      std::optional<std::chrono::seconds> retry_after = std::nullopt);

}  // namespace lockkeeper::agent
