#include "client/retry.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::client {

Backoff::Backoff(Settings settings, std::function<double()> random)
    : settings_(settings), random_(std::move(random)) {}

std::chrono::milliseconds Backoff::next(std::optional<std::chrono::seconds> retry_after) {
  using std::chrono::milliseconds;
  milliseconds widest = std::min(settings_.first, settings_.cap);
  for (unsigned doubled = 0; doubled < tries_ && widest < settings_.cap; ++doubled) {
    widest = widest > settings_.cap / 2 ? settings_.cap : widest * 2;
  }
  ++tries_;
  const milliseconds pause(static_cast<milliseconds::rep>(random_() * static_cast<double>(widest.count())));
  return std::max({pause, settings_.floor, milliseconds(retry_after.value_or(std::chrono::seconds(0)))});
}

void Backoff::reset() {
  tries_ = 0;
}

}  // namespace lockkeeper::client
