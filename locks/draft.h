// A change in the making: what a rule has to say, while this keeps the head, the queue and the closed names right.
// Inside of locks/ only.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "locks/change.h"
#include "locks/command.h"
#include "locks/decide.h"
#include "locks/record.h"

namespace lockkeeper::locks {

struct Situation {
  const Record& record;
  const Caller& caller;
  const Circumstances& around;

  Version version() const { return record.head.version; }
};

// The record must outlive it: it points to the rows that it takes away.
class Draft {
 public:
  explicit Draft(const Situation& now);

  Head& head() { return change_.head; }

  // The next event; it gets the next version.
  Event& event(What what);

  void put(Claim claim, const Claim* former);     // `former`: the row of that name, or nullptr
  void put(Waiter waiter, const Waiter* former);  // likewise
  // A row of the record. What a name stood for is not closed by it.
  void take(const Claim& claim);
  void take(const Waiter& waiter);
  // As take(), and a named claim closes its name, so that no late copy of its intention takes the lock again.
  void end(const Claim& claim, End end);
  // Somebody held from `since` until now; for estimates.
  void held_since(WallTime since);
  // Somebody waited from `since` until now, and is granted the lock.
  void waited_since(WallTime since);

  // The name takes nothing any more that began at `up_to` or before. `end` none: nothing ended now; what was known
  // of the name stays known.
  void close(const std::string& name, Version up_to, std::optional<End> end);

  // Grants to the queue what it can, forgets old closed names, and has the head say who holds.
  Change finish();

 private:
  bool held() const { return claims_ != 0 || !change_.head.tallies.empty(); }
  bool aged(const ClosedName& closed) const;
  bool taken(const Waiter& waiter) const;
  bool holds(const std::string& holder);
  // Whether one that is not at the front may hold already.
  bool may_reenter() const;
  void grant_waiting();
  void grant(const Waiter& waiter);
  void forget();

  const Situation& now_;
  Change change_;
  std::size_t claims_;  // rows, as they will be
  std::vector<const Claim*> gone_;
  std::vector<const Waiter*> left_;
  const Waiter* stays_ = nullptr;  // its row is replaced: not in turn yet, and nobody passes it
  std::list<std::string> joined_;  // holders of claims that are put, for those who wait
  std::optional<std::unordered_set<std::string_view>> holders_;  // all of them, once somebody asked
  std::vector<ClosedName> closed_;
};

}  // namespace lockkeeper::locks
