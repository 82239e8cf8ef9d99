// lockcli: workflow locks from a shell.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/lockcli_options.h"

namespace lockkeeper::cli {

// Returns the exit code. `out` gets one JSON value and a newline, `err` one sentence.
int lockcli(const std::vector<std::string>& arguments, const Environment& environment, std::ostream& out,
            std::ostream& err);

}  // namespace lockkeeper::cli
