#pragma once

#include "resource/world.h"

namespace lockkeeper::out {

// Locks or unlocks, as params say. The first argument is the folder with the inputs (params.from).
void run(resource::Stage& stage);

}  // namespace lockkeeper::out
