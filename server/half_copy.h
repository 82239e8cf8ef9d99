// A store into which `lockkeeper copy` has brought a part only: a server over it would grant what is held in the
// other.
#pragma once

#include "engine/engine.h"

namespace lockkeeper::server {

// The engine runs. Throws StartError if its store is such a one.
void refuse_half_copy(engine::Engine& engine);

}  // namespace lockkeeper::server
