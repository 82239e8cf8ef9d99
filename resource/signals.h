#pragma once

#include "http/client.h"

namespace lockkeeper::resource {

// SIGTERM and SIGINT raise `interrupt`, which must outlive the process's threads; 7 s after the first of them the
// process ends with exit code 143 whatever it does. SIGPIPE is ignored. To be called once.
void end_on_signals(http::Interrupt& interrupt);

}  // namespace lockkeeper::resource
