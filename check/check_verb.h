#pragma once

#include "resource/world.h"

namespace lockkeeper::check {

// stdin: source and perhaps a version; stdout: that version and what came after it, oldest first. Without a
// version, or with one that the lock does not know (any more): the newest alone. Gives up after 30 s.
void run(resource::Stage& stage);

}  // namespace lockkeeper::check
