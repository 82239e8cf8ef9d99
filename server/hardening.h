// Keeps what the process knows to itself: passwords and keys are in its memory.
#pragma once

#include "server/options.h"

namespace lockkeeper::server {

// No core dumps, and no other process of this user may look in.
void keep_memory_private();

// A copy of the environment. Passwords are overwritten where the process got them, so that /proc does not show
// them: ours are gone from the environment, and those that a store's libraries look for have moved. Before any
// thread.
Environment take_environment();

}  // namespace lockkeeper::server
