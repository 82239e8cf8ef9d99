#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

std::variant<Lease, Held> Backend::acquire(const Wish& wish, std::chrono::milliseconds, const Telling&) {
  return acquire(wish);
}

}  // namespace lockkeeper::cli::stormlock
