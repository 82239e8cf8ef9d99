// The name of a table as a configuration gives it: it goes into SQL as it is.
#pragma once

#include <string>

#include "cli/stormlock/section.h"

namespace lockkeeper::cli::stormlock {

// `table` of the section, or "stormlock": identifiers, plain or within `quote`, with dots between. Throws
// ConfigError for what is none.
std::string table_name(const Section& section, char quote);

}  // namespace lockkeeper::cli::stormlock
