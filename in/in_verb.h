#pragma once

#include "resource/world.h"

namespace lockkeeper::in {

// Writes what is known of the version's event into the folder of the first argument: lock.json, and one file a
// field: lock, lock_by, claim, token, revision; key only while that hold stands. Changes nothing at the server.
// Gives up after 5 minutes.
void run(resource::Stage& stage);

}  // namespace lockkeeper::in
