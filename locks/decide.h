// The rules: what a command does to a lock. Pure: the same arguments give the same answer; no clock, no I/O.
#pragma once

#include <optional>

#include "locks/change.h"
#include "locks/command.h"
#include "locks/limits.h"
#include "locks/outcome.h"
#include "locks/record.h"
#include "locks/time.h"

namespace lockkeeper::locks {

struct Decision {
  Outcome outcome;
  std::optional<Change> change;  // none: the record stays as it is, and so does its version
};

// `now` stamps what people read (since, at) and ages closed names; nothing is granted or ended by it.
Decision decide(const Record& record, const Command& command, WallTime now, const Limits& limits);

}  // namespace lockkeeper::locks
