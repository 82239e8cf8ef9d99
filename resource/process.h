// The process around a verb: signals, file descriptors, real time, a real server.
#pragma once

#include "resource/world.h"

namespace lockkeeper::resource {

// Runs the verb and ends the process. On SIGTERM (Concourse's abort or time-out, SIGKILL 10 s later) and SIGINT
// whatever waits stops, and the process is gone within 7 s in every case, also when nothing answers any more.
// Ends by _exit(), so that no thread that hangs in a name resolver holds it up.
[[noreturn]] void run_process(int argc, char** argv, void (*verb)(Stage& stage));

}  // namespace lockkeeper::resource
