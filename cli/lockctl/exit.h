// How lockctl ends: its exit codes, and which of them a failure is.
#pragma once

#include <span>
#include <stdexcept>
#include <string>

namespace lockkeeper::cli::lockctl {

enum class Exit {
  done = 0,
  failed = 1,
  usage = 2,
  held = 3,
  not_held = 4,
  credentials = 5,
  refused = 6,
  unavailable = 7,
  unreachable = 8,
  unknown = 9,
  stranger = 10,
  over = 11,
  run_lost = 123,  // these of `run` are run.h's
  run_not_held = 124,
  run_failed = 125,  // whatever went wrong before the command
  cannot_run = 126,
  no_command = 127,
  hung_up = 129,  // the shells' way: 128 and the signal's number
  interrupted = 130,
  terminated = 143
};

struct ExitMeaning {
  Exit code;
  const char* meaning;
};

// In the order of their numbers; docs/cli.md and the man page have the same.
std::span<const ExitMeaning> exit_meanings();

// One sentence: what is wrong, and what to do next.
struct Failure : std::runtime_error {
  Failure(Exit exit, const std::string& sentence) : std::runtime_error(sentence), code(exit) {}
  Exit code;
};

// Of the exception being handled, whatever it is.
Failure current_failure();

}  // namespace lockkeeper::cli::lockctl
