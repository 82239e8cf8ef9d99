// What the engine knows of each lock that is in use or was lately: its record and the line of calls that wait.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/calls.h"
#include "engine/polls.h"
#include "engine/watch.h"
#include "engine/work.h"
#include "locks/record.h"

namespace lockkeeper::engine {

// What a slot has when somebody waits for its lock, or something of it may lapse. Such a slot is not forgotten.
struct Watched {
  Timers timers;
  std::size_t expired = 0;  // of them
  OpenPolls polls;
  // What the store said of the age of this version's rows, for when it is read.
  std::vector<Age> ages;
  locks::Version aged_version = 0;

  // Claims that were granted to polls whose client did not hear of it, by name: to be offers again.
  struct Unheard {
    std::string request;
    locks::Version token = 0;  // 0: whichever it has
    // Over a shared store: the token of which history is asked whether this server granted it, and that it did.
    locks::Version asked = 0;
    locks::Version own = 0;
  };
  std::map<std::string, Unheard> unheard;
  bool unheard_due = false;  // not after a failure, before its pause is over

  bool idle() const { return timers.empty() && polls.by_claim.empty() && ages.empty() && unheard.empty(); }
};

struct Slot {
  const std::string* lock = nullptr;
  locks::Record record;        // with the change in flight applied
  bool known = false;          // `record` can be decided on
  bool exists = false;         // false: absent, record.head.version is the floor
  bool to_prune = false;       // it was found free for long
  bool due = false;            // in the list of slots that get a turn in this step
  bool resting = false;        // in the list of those that may be forgotten
  std::uint8_t conflicts = 0;  // in a row
  std::size_t checked = 0;     // so many calls at the head of the line came before `record` was read
  Work* work = nullptr;        // its read, commit or prune under way: one at most
  locks::Version told = 0;     // meanwhile: it is at this version, or at a newer one
  Calls line;
  std::unique_ptr<Watched> watched;
  std::uint64_t seen = 0;  // the last pass that found it
  bool look = false;       // a turn reads the record, though nobody asks
  bool rest = false;       // of a hand-over may be left: the record was read, or the last change was a full one
  Slot* next_due = nullptr;
  Slot* older = nullptr;  // neighbours at rest
  Slot* newer = nullptr;
};

class Slots {
 public:
  explicit Slots(std::size_t capacity) : capacity_(capacity) {}

  // Made when it is not there; not at rest any more.
  Slot& use(const std::string& lock);
  Slot* find(const std::string& lock);  // nullptr: there is none

  // Nothing is under way or waiting. Forgets the slot if nothing is known, and the oldest ones when there are
  // more than fit.
  void rest(Slot& slot);

  void forget(Slot& slot);  // that is at rest
  void forget_idle();       // all of them

  template <class Do>
  void each(Do what) {
    for (auto& [lock, slot] : slots_) what(slot);
  }

  std::size_t size() const { return slots_.size(); }

 private:
  void unlink(Slot& slot);

  std::unordered_map<std::string, Slot> slots_;
  std::size_t capacity_;
  Slot* oldest_ = nullptr;
  Slot* newest_ = nullptr;
};

}  // namespace lockkeeper::engine
