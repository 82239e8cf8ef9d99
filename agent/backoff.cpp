#include "agent/backoff.h"

#include <algorithm>

namespace lockkeeper::agent {

using std::chrono::milliseconds;

std::chrono::milliseconds pause_after(unsigned failures, const Backoff& backoff, double random,
                                      std::optional<std::chrono::seconds> retry_after) {
  constexpr std::chrono::seconds longest_asked = std::chrono::hours(1);
  constexpr unsigned enough = 20;  // doublings: beyond any cap, within the type
  const unsigned doublings = std::min(failures == 0 ? 0 : failures - 1, enough);
  const milliseconds whole = std::min(backoff.first * (std::int64_t{1} << doublings), backoff.cap);
  const auto part = 0.5 + random / 2;
  milliseconds pause(static_cast<milliseconds::rep>(static_cast<double>(whole.count()) * part));
  if (retry_after) pause = std::max<milliseconds>(pause, std::min(*retry_after, longest_asked));
  return std::max(pause, milliseconds(1));
}

}  // namespace lockkeeper::agent
