// The backends by their names: each is a module beside the program, loaded where a configuration asks for it.
#pragma once

#include <memory>
#include <string>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// For the life of the process. Throws ConfigError for a name that is none, BackendError where its module does not
// load, and what BackendKind::make() throws.
std::unique_ptr<Backend> load_backend(const std::string& name, const Section& section);

}  // namespace lockkeeper::cli::stormlock
