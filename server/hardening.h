// Keeps what the process knows to itself: passwords and keys are in its memory.
#pragma once

#include "server/options.h"

namespace lockkeeper::server {

// No core dumps, and no other process of this user may look in.
void keep_memory_private();

// A copy of the environment. The password is overwritten where the process got it, so that /proc does not show it.
Environment take_environment();

}  // namespace lockkeeper::server
