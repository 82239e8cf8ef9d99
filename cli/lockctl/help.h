#pragma once

#include <string>

#include "cli/lockctl/command_line.h"

namespace lockkeeper::cli::lockctl {

// Of lockctl, or of `command` alone.
std::string help_text(const CommandKind* command);

}  // namespace lockkeeper::cli::lockctl
