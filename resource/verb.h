// A run of a verb from stdin to exit code.
#pragma once

#include <string>

#include "resource/world.h"

namespace lockkeeper::resource {

enum Exit : int {
  kDone = 0,
  kFailed = 1,
  kEnded = 143,  // 128 + SIGTERM: Concourse ended the step, and what was under way has been taken back
};

// Runs `verb`, which returns normally or throws; says in the log what went wrong. Never throws.
int run_verb(Stage& stage, void (*verb)(Stage& stage)) noexcept;

// All of stdin.
std::string read_all(std::istream& input);

}  // namespace lockkeeper::resource
