// The guard: a process that starts the command, watches over it, and ends it before its lease does, whether or not
// the front (lockctl itself) still runs. It has a process group of its own, so that what hits the front's job (^C,
// ^Z, a kill of the job) does not hit it, and blocks every signal that can be blocked.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cli/run/messages.h"

namespace lockkeeper::cli::run {

struct GuardOrder {
  std::vector<std::string> words;  // the command; looked up in PATH
  int terminal = -1;               // a descriptor: the command's group gets it, if the front's group has it then
  sigset_t signals;                // blocked signals of the command
  // In the guard, when the front has died and nothing of the command lives (any more): gives the lock back. `note`
  // is what the front said at the start; empty: it had not started the command.
  std::function<void(const std::string& note)> bereaved;
};

// In the guard's process, all signals blocked. `front` is the process group of lockctl.
[[noreturn]] void run_guard(const GuardOrder& order, pid_t front, int socket, const Shared& shared);

}  // namespace lockkeeper::cli::run
