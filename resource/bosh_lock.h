// The lock of a BOSH director, named after it.
#pragma once

#include <string>

#include "resource/patience.h"
#include "resource/payload.h"
#include "resource/world.h"

namespace lockkeeper::resource {

// source.lock_name; or the name in {bosh_lock}/info, asked without credentials, and not verified unless
// bosh_ca_cert is given. Throws StepFailed, StepEnded.
std::string lock_name(Stage& stage, const Source& source, Patience& patience);

}  // namespace lockkeeper::resource
