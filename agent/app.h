// Wires the agent's parts and runs them until SIGTERM or SIGINT.
#pragma once

#include "agent/options.h"

namespace lockkeeper::agent {

// No core dumps, and no other process of this user may look in: tokens and passwords are in our memory.
void keep_memory_private();

// Before any thread is started.
void hold_signals();

// The exit code: 0 after a signal, 1 when it cannot start.
int run(const Options& options);

}  // namespace lockkeeper::agent
