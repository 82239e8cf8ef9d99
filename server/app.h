// Wires the parts, runs until a signal, and takes them down in order.
#pragma once

#include "server/options.h"

namespace lockkeeper::server {

// The process's exit code. What keeps it from starting goes to stderr.
int run(Options options);

}  // namespace lockkeeper::server
