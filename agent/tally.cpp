#include "agent/tally.h"

#include <algorithm>

namespace lockkeeper::agent {

const std::vector<double>& Tally::delay_bounds() {
  static const std::vector<double> bounds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600};
  return bounds;
}

void Tally::resumed_after(std::chrono::nanoseconds delay) {
  const double seconds = std::chrono::duration<double>(delay).count();
  const auto& bounds = delay_bounds();
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  const std::scoped_lock lock(mutex_);
  ++delays_.counts[static_cast<std::size_t>(bucket)];
  delays_.sum += seconds;
}

Tally::Delays Tally::delays() const {
  const std::scoped_lock lock(mutex_);
  return delays_;
}

}  // namespace lockkeeper::agent
