// SIGTERM, SIGINT and SIGHUP as values, waited for by one thread: nothing runs in a signal handler.
#pragma once

namespace lockkeeper::server {

enum class Signal { stop, reload };

// Before any thread is started: all of them inherit that these signals wait for next_signal(). SIGPIPE is ignored.
void hold_signals();

// Blocks.
Signal next_signal();

}  // namespace lockkeeper::server
