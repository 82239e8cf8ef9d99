// Answers of decide(). Contention and "not yours" are values, never exceptions. Each is tied to the record's
// version it was decided on (or brought about).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "locks/record.h"

namespace lockkeeper::locks {

struct Granted {
  Version version = 0;
  Version token = 0;
  WallTime since;            // of this claim
  std::uint64_t count = 0;   // of the holder, after
  bool again = false;        // nothing changed: the same request already had it
  bool took_over = false;    // from an older intention of the same name
  std::vector<Hold> others;  // other claims of the same holder that this name does not own (named claims only)
  std::optional<milliseconds> ttl;
  std::optional<milliseconds> max_hold;
};

// Held with another key, or others are queued before it; it has no place.
struct Refused {
  Version version = 0;  // to begin again from
  std::vector<Hold> holds;
};

struct Released {
  Version version = 0;
  std::uint64_t released = 0;  // how many claims ended; 0: nothing was held under that identity
  bool withdrawn = false;      // a withdrawal that ended nothing: the name is closed now
  std::vector<Hold> holds;     // who holds the lock after
  std::optional<End> ended;    // by name, with released == 0: how the claim under that name had ended before
};

struct Ahead {
  std::string holder;
  WallTime since;

  bool operator==(const Ahead&) const = default;
};

// It waits in the queue. The place is kept for the next poll.
struct Queued {
  Version version = 0;
  RowId place;               // the waiter's
  std::size_t position = 0;  // 1: the next
  std::size_t waiters = 0;   // in the whole queue
  WallTime since;
  std::vector<Ahead> ahead;  // of the queue, the nearest to the lock first, at most 10
  std::vector<Hold> holds;
  std::optional<milliseconds> estimate;  // until it is granted, when the lock's history gives one
};

struct Renewed {
  Version version = 0;
  Version token = 0;
  std::optional<milliseconds> ttl;  // in effect; none: the claim has no end
  std::optional<milliseconds> max_hold;
};

// To what the engine says itself.
struct Noted {
  Version version = 0;
  bool changed = false;
};

// To what is asked of a gate: how it is now.
struct Gated {
  Version version = 0;
  std::optional<Gate> gate;  // none: there is none, or it is deleted now
  bool changed = false;
};

// A release with a key that is not the lock's.
struct NotYours {
  Version version = 0;
  std::vector<Hold> holds;
};

// The intention is over: its name was closed after it began, a newer one took over, or it began too long ago. Or
// the claim to renew is not there (any more): ended.
struct Gone {
  enum class Why : std::uint8_t { closed, superseded, forgotten, ended };
  Version version = 0;
  Why why = Why::closed;
  std::vector<Hold> holds;
  std::optional<End> end;  // closed, ended: how, if it is remembered
};

// A limit that depends on the record: claims on a lock, waiters in its queue.
struct TooMany {
  Version version = 0;
  std::string what;
};

struct Inspected {
  Record record;
};

// No answer can be given now (said by the engine, never by decide()). `unknown`: the change may have happened.
struct Unavailable {
  std::string why;
  bool unknown = false;
};

using Outcome = std::variant<Unavailable, Granted, Refused, Released, NotYours, Gone, TooMany, Inspected, Queued,
                             Renewed, Noted, Gated>;

}  // namespace lockkeeper::locks
