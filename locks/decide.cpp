#include "locks/decide.h"

#include <algorithm>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {

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
  if (held(record) && record.waiters.front().key != record.head.key) return std::nullopt;
  if (record.claims.size() >= circumstances.limits.claim_rows) return std::nullopt;
  const Caller nobody;
  const Situation situation{record, nobody, circumstances};
  Draft draft(situation);
  return draft.finish();
}

}  // namespace lockkeeper::locks
