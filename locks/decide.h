// The rules: what a command does to a lock. Pure: the same arguments give the same answer; no clock, no I/O.
//
// Everything that frees a lock, or lets the head of its queue join the holders, grants to the queue in the same
// change: in the order of the queue, all sharers at its head together, commit_grants at most. The rest of a larger
// hand-over is hand_over()'s, before any other command is decided.
#pragma once

#include <optional>
#include <string>

#include "locks/change.h"
#include "locks/command.h"
#include "locks/limits.h"
#include "locks/outcome.h"
#include "locks/record.h"
#include "locks/terms.h"
#include "locks/time.h"

namespace lockkeeper::locks {

struct Decision {
  Outcome outcome;
  std::optional<Change> change;  // none: the record stays as it is, and so does its version
};

// Which intentions' polls are open at this moment. A waiter whose poll is open is granted the lock itself; another
// one gets an offer.
class Polls {
 public:
  virtual bool open(const std::string& claim, const std::string& request) const = 0;

 protected:
  ~Polls() = default;
};

struct Circumstances {
  WallTime now;  // stamps what people read (since, at) and ages closed names; nothing is granted or ended by it
  const Limits& limits;
  const Terms& terms;
  const Polls* polls = nullptr;  // none: no poll is open
  // Set where other servers change the record too: the version that is committed. Who asks again for a claim that
  // was granted up to there is told only after it is written (the claim is renewed), so that no other server gives
  // back what somebody was told of.
  std::optional<Version> committed = std::nullopt;
};

Decision decide(const Record& record, const Command& command, const Circumstances& circumstances);

// Under the default terms, with no poll open.
Decision decide(const Record& record, const Command& command, WallTime now, const Limits& limits);

// What is left of a hand-over that did not fit into one change; none: nothing is.
std::optional<Change> hand_over(const Record& record, const Circumstances& circumstances);

// The answer that stands for a waiter now; `name`: of a named waiter that is in the queue.
Queued queued(const Record& record, const std::string& name, WallTime now);

}  // namespace lockkeeper::locks
