// Leases as rows of the original's table (statements.h). [backend.postgresql]:
//
//   connection   libpq's string or URI; PG... variables fill it up. Required
//   table        stormlock; may be SCHEMA.TABLE
//   time_zone    the zone in which the sessions of the original's users are, where that is one for all: what they
//                wrote then ends on time. Without it, 12 hours later than in UTC, since nothing tells of the zone
#pragma once

#include <memory>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Connects when it is asked first. Throws ConfigError.
std::unique_ptr<Backend> make_postgresql_backend(const Section& section);

}  // namespace lockkeeper::cli::stormlock
