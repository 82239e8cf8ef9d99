#include "locks/decide.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {

namespace {

// Whether somebody in the queue holds the lock already, and with its key.
bool one_reenters(const Record& record) {
  std::unordered_set<std::string_view> holders;
  for (const Waiter& waiter : record.waiters) {
    if (waiter.key != record.head.key) continue;
    if (holders.empty()) {
      for (const Tally& tally : record.head.tallies) holders.insert(tally.holder);
      for (const Claim& claim : record.claims) holders.insert(claim.holder);
    }
    if (holders.count(waiter.holder) != 0) return true;
  }
  return false;
}

}  // namespace

Tally* find_tally(std::vector<Tally>& tallies, const std::string& holder) {
  const auto at = std::lower_bound(tallies.begin(), tallies.end(), holder,
                                   [](const Tally& tally, const std::string& name) { return tally.holder < name; });
  return at != tallies.end() && at->holder == holder ? &*at : nullptr;
}

std::optional<End> ended_before(const Record& record, const std::string& name) {
  for (const ClosedName& closed : record.closed) {
    if (closed.name == name) return closed.end;
  }
  return std::nullopt;
}

Decision not_yours(const Situation& now) {
  return {NotYours{now.version(), holds(now.record)}, std::nullopt};
}

Decision gone(const Situation& now, Gone::Why why, std::optional<End> end) {
  return {Gone{now.version(), why, holds(now.record), end}, std::nullopt};
}

Decision decide_one(const Situation& now, const Inspect&) {
  return {Inspected{now.record}, std::nullopt};
}

Decision decide(const Record& record, const Command& command, const Circumstances& circumstances) {
  const Situation situation{record, command.caller, circumstances};
  return std::visit([&](const auto& what) { return decide_one(situation, what); }, command.what);
}

Decision decide(const Record& record, const Command& command, WallTime now, const Limits& limits) {
  return decide(record, command, Circumstances{now, limits, Terms{}});
}

std::optional<Change> hand_over(const Record& record, const Circumstances& circumstances) {
  if (record.waiters.empty()) return std::nullopt;
  if (record.claims.size() >= circumstances.limits.claim_rows) return std::nullopt;
  if (held(record) && record.waiters.front().key != record.head.key && !one_reenters(record)) return std::nullopt;
  const Caller nobody;
  const Situation situation{record, nobody, circumstances};
  Draft draft(situation);
  return draft.finish();
}

}  // namespace lockkeeper::locks
