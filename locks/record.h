// What is known of one lock, as the rules see it: a small head, and one row a claim, a waiter and a closed name.
// Plain values; no invariants beyond those that decide() keeps:
//   - the lock is held exactly when there is a tally or a claim (offers are claims); then `head.key` is the
//     holders' common key, otherwise it is empty;
//   - nobody is queued at a free lock, nor first in the queue with the holders' key (but for the rest of a large
//     hand-over, which comes before any other command: hand_over() in decide.h);
//   - under one non-empty name there is at most one claim or waiter;
//   - claims, waiters are in the order of their `token` and `place`;
//   - version never goes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "locks/time.h"

namespace lockkeeper::locks {

// A lock's own counter: 0 before anything happened, one more at each event. A fencing token is the version at
// which a claim was granted.
using Version = std::uint64_t;

// Pairs in the order given by the client; keys are unique (the wire keeps the last of duplicates).
using Metadata = std::vector<std::pair<std::string, std::string>>;

// Unnamed claims of one holder, without ttl and metadata, collapsed into their number. As a block they are as
// old as the oldest of them.
struct Tally {
  std::string holder;
  std::uint64_t count = 0;  // >= 1
  Version oldest = 0;       // token of the first claim in the block
  Version newest = 0;       // token of the last one granted
  WallTime since;           // when the block began

  bool operator==(const Tally&) const = default;
};

using std::chrono::milliseconds;

// One acquisition by one holder that is more than a number: named, leased, bounded, offered, or with metadata.
//
// A lapse (Lapse in command.h) names the version that its time counts from: `renewed` for the ttl of a lease and
// for the grace of an offer, `granted` for max_hold. Neither says when that was: nothing in a record ends by a
// clock.
struct Claim {
  std::string name;  // empty: unnamed, known by its token alone
  std::string holder;
  Version token = 0;    // the version at which it was granted (or offered, or last taken over)
  WallTime since;       // when the holder got it; a take-over keeps it
  std::string request;  // the intention that holds it now; empty: none was given
  Version begun = 0;    // the version that intention began at
  Metadata metadata;
  std::string by;                        // who authenticated; empty: nobody had to
  std::optional<milliseconds> ttl;       // a lease; of an offer: starts when it is taken up
  Version renewed = 0;                   // version of the last renewal, or the token
  std::optional<milliseconds> max_hold;  // bounds the hold, whatever is renewed
  Version granted = 0;                   // the version at which the hold began; a take-over keeps it
  std::optional<milliseconds> offered;   // set: an offer to a waiter that was not there, for this grace

  bool operator==(const Claim&) const = default;
};

// A request in the lock's queue. Its place is itself leased: it lapses when no poll was open for `grace`.
struct Waiter {
  std::string name;  // empty: the place of a refused plain request, known by its key and holder
  std::string key;
  std::string holder;
  Version place = 0;  // the version at which it came: the queue's order
  WallTime since;
  std::string request;
  Version begun = 0;
  Metadata metadata;
  std::string by;
  std::string door;
  std::optional<milliseconds> ttl;       // of the claim it will be
  std::optional<milliseconds> max_hold;  // likewise
  milliseconds grace{0};
  Version renewed = 0;  // version of the last poll that wrote, or the place

  bool operator==(const Waiter&) const = default;
};

// How what a name stood for has ended.
enum class End : std::uint8_t { released, lapsed, forced };

// A name that takes no intention that began at `up_to` or before: such a one gets Gone, for good.
struct ClosedName {
  std::string name;
  Version up_to = 0;
  WallTime at;  // when it was closed; only decides how long it is remembered
  End end = End::released;

  bool operator==(const ClosedName&) const = default;
};

// A workflow lock. Not a lock at all: nobody holds it, and its record has no other row. It is kept under a name
// that no lock can have (gate_name() in gate.h).
struct Gate {
  enum class Status : std::uint8_t { locked, released };
  std::string workflow;
  std::string workflow_namespace;
  Status status = Status::locked;
  WallTime created;
  WallTime changed;  // when its status did last
  std::string note;  // of who tried to resume the workflow; empty: none

  bool operator==(const Gate&) const = default;
};

struct Head {
  Version version = 0;
  Version forgotten = 0;       // a named intention that began before this is refused: its close may be forgotten
  std::string key;             // secret; empty exactly when the lock is free
  std::vector<Tally> tallies;  // sorted by holder
  WallTime changed;            // when `version` came to be
  std::uint64_t timed = 0;    // claims and waiters that can lapse, a released gate: whether anybody has to watch it
  milliseconds mean_hold{0};  // moving average of how long claims were held, for estimates; 0: not known

  bool operator==(const Head&) const = default;
};

enum class RowKind : std::uint8_t { claim = 1, waiter = 2, closed = 3, gate = 4 };

// Known by its kind and id: a claim or a waiter by its name, or "#" + token or place when unnamed; a closed name by
// itself; a gate by "".
struct RowId {
  RowKind kind = RowKind::claim;
  std::string id;

  bool operator==(const RowId&) const = default;
  auto operator<=>(const RowId&) const = default;
};

struct Record {
  Head head;
  std::vector<Claim> claims;       // by token
  std::deque<Waiter> waiters;      // by place
  std::vector<ClosedName> closed;  // by up_to, oldest first
  std::optional<Gate> gate;

  bool operator==(const Record&) const = default;
};

// The record of a lock that the store does not know: `floor` is where versions start (raised by pruning, so
// that no token is given twice).
Record absent(Version floor);

// Also of a gate, as long as there is one: such a record is not pruned.
bool held(const Record& record);

// All claims of the lock, tallied ones included.
std::uint64_t count(const Record& record);
std::uint64_t count(const Record& record, const std::string& holder);

// The claim of that name, or nullptr. `name` must not be empty.
const Claim* find_claim(const Record& record, const std::string& name);
const Waiter* find_waiter(const Record& record, const std::string& name);

// Whether something ends it but its holder.
bool timed(const Claim& claim);

// How many groups that share a key have to be through before the waiter at `index`, and how long that takes if each
// holds for as long as the lock was held lately; nullopt: nothing is known of that.
std::optional<milliseconds> estimated_wait(const Record& record, std::size_t index, WallTime now);

// One holder's hold, for people: refusals, lists, `GET /lock/{name}`.
struct Hold {
  std::string holder;
  std::uint64_t count = 0;
  WallTime since;     // of its oldest claim
  Metadata metadata;  // of its oldest claim that has some

  bool operator==(const Hold&) const = default;
};

// By age, oldest first.
std::vector<Hold> holds(const Record& record);

}  // namespace lockkeeper::locks
