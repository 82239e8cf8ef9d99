// When to try again. Pure but for the random number handed in.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace lockkeeper::client {

// Exponential back-off with full jitter: the n-th pause is random between 0 and min(cap, first * 2^n), never
// less than `floor`.
class Backoff {
 public:
  struct Settings {
    std::chrono::milliseconds first = std::chrono::seconds(1);
    std::chrono::milliseconds cap = std::chrono::seconds(30);
    std::chrono::milliseconds floor = std::chrono::milliseconds(50);
  };
  // `random` gives numbers in [0, 1).
  Backoff(Settings settings, std::function<double()> random);
  // A server's Retry-After is a lower bound of the next pause.
  std::chrono::milliseconds next(std::optional<std::chrono::seconds> retry_after = std::nullopt);
  void reset();

 private:
  Settings settings_;
  std::function<double()> random_;
  unsigned tries_ = 0;
};

}  // namespace lockkeeper::client
