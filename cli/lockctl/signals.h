#pragma once

#include "http/client.h"

namespace lockkeeper::cli::lockctl {

// SIGINT, SIGTERM and SIGHUP raise `interrupt`, which lives as long as the process; the second of them ends it at
// once. SIGPIPE is ignored, SIGWINCH ends a poll(). To be called once.
void end_on_signals(http::Interrupt& interrupt);

// The first of them that came; 0: none did.
int signal_that_came();

}  // namespace lockkeeper::cli::lockctl
