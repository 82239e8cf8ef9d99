// lockctl: the operator's tool over the native API.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/environment.h"

namespace lockkeeper::cli::lockctl {

// Returns the exit code. `out` and `err` are the process's own: whether they are terminals is looked up. Sets
// signal handlers.
int lockctl(const std::vector<std::string>& arguments, const Environment& environment, std::ostream& out,
            std::ostream& err);

}  // namespace lockkeeper::cli::lockctl
