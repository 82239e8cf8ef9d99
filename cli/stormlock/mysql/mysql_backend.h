// Leases as rows of the original's table:
//
//   resource varchar(128) primary key, lease binary(16), principal varchar(128), created timestamp, expires
//   timestamp
//
// Names are compared byte by byte, whatever the table's collation: a name that the table cannot tell from another
// one, which is held, cannot be taken, and it is said why. settings.h has its configuration.
#pragma once

#include <memory>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Connects when it is asked first. Throws ConfigError.
std::unique_ptr<Backend> make_mysql_backend(const Section& section);

}  // namespace lockkeeper::cli::stormlock
