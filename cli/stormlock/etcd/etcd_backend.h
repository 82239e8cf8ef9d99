// Leases as the original keeps them in etcd (record.h); settings.h has its configuration. A renewal gives a lease
// the ttl that it was acquired with, as etcd has it.
#pragma once

#include <memory>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Connects when it is asked first. Throws ConfigError.
std::unique_ptr<Backend> make_etcd_backend(const Section& section);

}  // namespace lockkeeper::cli::stormlock
