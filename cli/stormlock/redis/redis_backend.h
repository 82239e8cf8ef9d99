// Locks as the original keeps them in Redis: under the resource's name as key, a hash with `id` (16 bytes), `p`
// (the principal) and `c` (seconds since 1970, with a fraction), which Redis itself lets expire.
#pragma once

#include <memory>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Connects with the first command.
std::unique_ptr<Backend> make_redis_backend(const Section& section);

}  // namespace lockkeeper::cli::stormlock
