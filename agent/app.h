// Wires the agent's parts and runs them until SIGTERM or SIGINT.
#pragma once

#include "agent/options.h"

namespace lockkeeper::agent {

// Before any thread is started.
void hold_signals();

// The exit code: 0 after a signal, 1 when it cannot start.
int run(const Options& options);

}  // namespace lockkeeper::agent
