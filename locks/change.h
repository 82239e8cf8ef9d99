// What one decision does to a record, in the form a store writes it: the new head, the rows that come and go,
// and the history lines, all under the condition that the lock is still at `expected`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "locks/record.h"

namespace lockkeeper::locks {

enum class What : std::uint8_t {
  acquired,    // granted while free, without waiting
  shared,      // granted beside others with the same key, or once more to the same holder
  taken_over,  // a newer intention under the same name
  queued,
  granted,  // from the queue, to a waiter whose poll was open, or that came back for its offer
  renewed,  // a lease, or a waiter's place
  released,
  lapsed,  // a lease, a hold at its max_hold, or (token 0) a place that nobody polled for
  forced,
  withdrawn,  // an intention taken back, or a name closed that held nothing
  offer_lapsed,
  imported,  // came from an original locker's file
  offered,   // from the queue, to a waiter whose poll was not open
  created,   // a gate; then released
  deleted,   // a gate; the reason says whether it was still locked
  noted      // a gate: what is known of its workflow
};

inline constexpr std::size_t what_count = 16;

// "acquired", "taken over", "offer lapsed": the words of DESIGN.md, as history shows them.
const char* text(What what);
bool parse_what(const std::string& text, What& what);

// One line of history. Never holds a key.
struct Event {
  Version version = 0;
  WallTime at;
  std::string change;  // id of the change that made it; the engine sets it, decide() leaves it empty
  What what = What::acquired;
  std::string holder;
  std::string claim;        // name; empty for unnamed
  Version token = 0;        // of the claim it is about; 0: none
  std::uint64_t count = 1;  // how many claims it is about (`all`)
  std::string by;           // who authenticated
  std::string door;         // "locker", "lockd", ...
  std::string reason;       // of a forced release

  bool operator==(const Event&) const = default;
};

using Row = std::variant<Claim, Waiter, ClosedName, Gate>;

RowId id(const Claim& claim);
RowId id(const Waiter& waiter);
RowId id(const ClosedName& closed);
RowId id(const Gate& gate);
RowId id(const Row& row);

// In order: a later one about the same id wins.
using RowOperation = std::variant<Row, RowId>;  // put, or take away

struct Change {
  Version expected = 0;  // head.version before; for an absent lock, the floor that was read
  bool creates = false;  // the lock was absent
  Head head;             // after
  std::vector<RowOperation> rows;
  std::vector<Event> events;  // versions expected+1 .. head.version, in order, without gaps
  // Not stored, for who counts: how long what this ends was held, and what it grants from the queue had waited.
  std::vector<milliseconds> held, waited;
};

void apply(Record& record, const Change& change);

// Makes one change of two that follow each other. `next` must expect first.head.version.
void append(Change& first, Change&& next);

}  // namespace lockkeeper::locks
