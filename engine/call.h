// A question to the engine with room for its answer, linked into lists without allocating. The caller owns it
// and keeps it alive until its mailbox delivers it.
#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "engine/store.h"
#include "locks/command.h"
#include "locks/outcome.h"

namespace lockkeeper::engine {

class Call;

// Where answered calls go. One per I/O thread: the engine hands over all of a step's answers at once, so a
// batch costs one wake-up.
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  // A chain linked by `Call::next`, oldest first. Called on the engine's thread; must not block or throw.
  virtual void deliver(Call* chain) noexcept = 0;
};

struct HistoryPage {
  locks::Version version = 0;  // of the lock now
  std::vector<locks::Event> events;
  locks::Version oldest = 0;  // oldest version still kept; 0: none
  bool more = false;
};

// The client of an open poll has left: the poll is answered with Unavailable, if it still is that intention's; its
// place is kept for the grace. Answered with Noted.
struct Leave {
  std::string lock;
  std::string claim;
  const Call* poll = nullptr;  // only compared, never looked into: it may be answered and gone already
};

// Released gates, in the order in which this engine came to know of them, from a cursor on. Answered as soon as
// there is one, or when `wait` is over, or with Leave (whose lock is empty).
struct ReadGates {
  std::string cursor;       // of an earlier answer; "": from the start
  std::size_t limit = 500;  // at least 1
  std::chrono::milliseconds wait{0};
};

struct NamedGate {
  std::string id;
  locks::Gate gate;
};

struct GatesRead {
  std::vector<NamedGate> gates;
  std::string cursor;  // to go on from; good at this engine only
  bool reset = false;  // the cursor was none of this engine's: `gates` begins at the start
};

// A renewal by who knows the claim's name, but not the lock. A name that stands on several locks is renewed where
// it came first. Answered as Renew.
struct RenewLease {
  locks::Caller caller;
  locks::Renew renew;  // with a claim
};

class Call {
 public:
  virtual ~Call() = default;

  // ReadHistory and Scan are the store's own questions: their answers come straight from it.
  std::variant<locks::Command, Scan, ReadHistory, Leave, ReadGates, RenewLease> question;
  std::variant<locks::Outcome, Scanned, HistoryPage, GatesRead> answer;

  Mailbox* mailbox = nullptr;  // not null when submitted
  Call* next = nullptr;        // the engine's and the mailbox's

  // The engine's, of a poll.
  std::chrono::steady_clock::time_point until{};
  bool woken = false;  // it was open, and is decided once more
  // With Granted: if the client can't hear it, the engine is to be told by a GiveBack.
  bool told = false;
};

}  // namespace lockkeeper::engine
