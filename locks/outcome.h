// Answers of decide(). Contention and "not yours" are values, never exceptions. Each is tied to the record's
// version it was decided on (or brought about).
#pragma once

#include <cstdint>
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
};

// Held with another key.
struct Refused {
  Version version = 0;  // to begin again from
  std::vector<Hold> holds;
};

struct Released {
  Version version = 0;
  std::uint64_t released = 0;  // how many claims ended; 0: nothing was held under that identity
  bool withdrawn = false;      // a withdrawal that ended nothing: the name is closed now
  std::vector<Hold> holds;     // who holds the lock after
};

// A release with a key that is not the lock's.
struct NotYours {
  Version version = 0;
  std::vector<Hold> holds;
};

// The intention is over: its name was closed after it began, a newer one took over, or it began too long ago.
struct Gone {
  enum class Why : std::uint8_t { closed, superseded, forgotten };
  Version version = 0;
  Why why = Why::closed;
  std::vector<Hold> holds;
};

// A limit that depends on the record: claims on a lock.
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

using Outcome = std::variant<Unavailable, Granted, Refused, Released, NotYours, Gone, TooMany, Inspected>;

}  // namespace lockkeeper::locks
