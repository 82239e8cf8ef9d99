// What came of one try with one gate, and the table of what follows from it (docs/agent.md shows it).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "agent/endpoint.h"

namespace lockkeeper::agent {

struct Outcome {
  enum class Kind {
    resumed,   // the API said 2xx
    marked,    // an earlier try had got through
    finished,  // why: the phase
    gone,      // the gate itself: somebody deleted it
    not_suspended,
    absent,
    unresumable,  // absent for too long
    busy,
    unreachable,
    conflict,
    forbidden,
    rejected,
    too_large,
    cannot,  // a person has to act
    bad_name,
    unauthorized,
    untrusted,
    no_such_api,
    gates_away,   // the lock API did not tell whether the gate is still there
    not_deleted,  // it is resumed, and the lock API did not delete the gate
    interrupted   // we stop, or lead no longer
  };
  Kind kind = Kind::interrupted;
  std::string why;  // for the operator: log and note. Says the same as long as nothing changes
  std::optional<std::chrono::seconds> retry_after;
  // absent: since when, and for how long already, if an earlier agent noted it.
  std::string since;
  std::optional<std::chrono::seconds> lasted;
};

constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::Kind::interrupted) + 1;

struct Treatment {
  enum class Next {
    remove,    // the gate, and it is done
    forget,    // it is not there any more
    again,     // as soon as we may
    poll,      // it may change at any moment: 1 s, doubled up to the length of a poll
    back_off,  // 1 s, doubled up to 60 s; Retry-After is obeyed
    slowly,    // 5 s, doubled up to 60 s
    rarely,    // every 10 minutes: a person has to act
    never      // until the agent starts again
  };
  const char* label;  // in metrics
  Next next;
  bool whole_api;      // not this gate's matter: all wait, and one at a time finds out whether it is over
  unsigned note_from;  // from which such try in a row on the gate tells why; 0: never
};

const Treatment& treatment(Outcome::Kind kind);

// Of an answer other than ok.
Outcome outcome_of(const ApiAnswer& answer);

}  // namespace lockkeeper::agent
