#include "locks/decide.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace lockkeeper::locks {
namespace {

// A change in the making: the head as it will be, rows and events as they are added.
class Draft {
 public:
  Draft(const Record& record, const Caller& caller, WallTime now, const Limits& limits)
      : record_(record), caller_(caller), now_(now), limits_(limits) {
    change_.expected = record.head.version;
    change_.head = record.head;
  }

  Head& head() { return change_.head; }
  void put(Row row) { change_.rows.emplace_back(std::move(row)); }
  void take(RowId row) { change_.rows.emplace_back(std::move(row)); }

  // The next event; it gets the next version.
  Event& event(What what) {
    Event event;
    event.version = ++change_.head.version;
    event.at = now_;
    event.what = what;
    event.by = caller_.by;
    event.door = caller_.door;
    change_.head.changed = now_;
    return change_.events.emplace_back(std::move(event));
  }

  // The name takes nothing any more that began at `up_to` or before.
  void close(const std::string& name, Version up_to) {
    for (const ClosedName& closed : record_.closed) {
      if (closed.name == name && closed.up_to >= up_to) return;
    }
    closed_.push_back({name, up_to, now_});
  }

  Change finish(bool held) {
    if (!held) change_.head.key.clear();
    forget();
    for (ClosedName& closed : closed_) put(std::move(closed));
    return std::move(change_);
  }

 private:
  // Drops closed names that are too old or too many, oldest up_to first, those of this change among them; what
  // began before them is refused from here on.
  void forget() {
    const auto replaced = [&](const ClosedName& old) {
      return std::any_of(closed_.begin(), closed_.end(),
                         [&](const ClosedName& one) { return one.name == old.name; });
    };
    const auto aged = [&](const ClosedName& old) { return now_ - old.at > limits_.closed_for; };
    const auto order = [](const ClosedName& one) { return std::tie(one.up_to, one.name); };
    std::size_t kept = closed_.size();
    for (const ClosedName& old : record_.closed) kept += aged(old) || replaced(old) ? 0 : 1;
    std::sort(closed_.begin(), closed_.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
    auto fresh = closed_.begin();  // those before it are dropped
    const auto drop = [&](const ClosedName& one) {
      take(id(one));
      change_.head.forgotten = std::max(change_.head.forgotten, one.up_to + 1);
    };
    const auto too_many = [&] { return kept > limits_.closed_names; };
    for (const ClosedName& old : record_.closed) {
      if (replaced(old)) continue;
      for (; too_many() && fresh != closed_.end() && order(*fresh) < order(old); --kept) drop(*fresh++);
      if (aged(old)) {
        drop(old);
      } else if (too_many()) {
        drop(old);
        --kept;
      }
    }
    for (; too_many() && fresh != closed_.end(); --kept) drop(*fresh++);
    closed_.erase(closed_.begin(), fresh);
  }

  const Record& record_;
  const Caller& caller_;
  WallTime now_;
  const Limits& limits_;
  Change change_;
  std::vector<ClosedName> closed_;
};

struct Situation {
  const Record& record;
  const Caller& caller;
  WallTime now;
  const Limits& limits;

  Version version() const { return record.head.version; }
  Draft draft() const { return {record, caller, now, limits}; }
};

// Claims of the holder that the name does not own, one entry each, for the warning about a build that died.
std::vector<Hold> others(const Record& record, const std::string& holder, const std::string& name) {
  std::vector<Hold> result;
  for (const Tally& tally : record.head.tallies) {
    if (tally.holder == holder) result.push_back({holder, tally.count, tally.since, {}});
  }
  for (const Claim& claim : record.claims) {
    if (claim.holder == holder && claim.name != name) result.push_back({holder, 1, claim.since, claim.metadata});
  }
  return result;
}

Tally* find_tally(std::vector<Tally>& tallies, const std::string& holder) {
  const auto at = std::lower_bound(tallies.begin(), tallies.end(), holder,
                                   [](const Tally& tally, const std::string& name) { return tally.holder < name; });
  return at != tallies.end() && at->holder == holder ? &*at : nullptr;
}

Decision granted_again(const Situation& now, const Claim& claim) {
  Granted granted;
  granted.version = now.version();
  granted.token = claim.token;
  granted.since = claim.since;
  granted.count = count(now.record, claim.holder);
  granted.again = true;
  granted.others = others(now.record, claim.holder, claim.name);
  return {std::move(granted), std::nullopt};
}

// A claim that is a row of its own: named, or with metadata. `former`: the claim it takes over.
Decision grant_claim(const Situation& now, const Acquire& acquire, Version begun, const Claim* former) {
  if (former == nullptr && now.record.claims.size() >= now.limits.claim_rows) {
    return {TooMany{now.version(), "claims"}, std::nullopt};
  }
  Draft draft = now.draft();
  const What what = former != nullptr ? What::taken_over : held(now.record) ? What::shared : What::acquired;
  Claim claim;
  claim.name = acquire.claim;
  claim.holder = acquire.holder;
  claim.since = former != nullptr ? former->since : now.now;
  claim.request = acquire.request;
  claim.begun = begun;
  claim.metadata = acquire.metadata;
  claim.by = now.caller.by;
  Event& event = draft.event(what);
  claim.token = event.version;
  claim.renewed = event.version;
  event.holder = claim.holder;
  event.claim = claim.name;
  event.token = claim.token;
  draft.head().key = acquire.key;

  Granted granted;
  granted.version = event.version;
  granted.token = claim.token;
  granted.since = claim.since;
  granted.count = count(now.record, claim.holder) + (former != nullptr && former->holder == claim.holder ? 0 : 1);
  granted.took_over = former != nullptr;
  if (!claim.name.empty()) granted.others = others(now.record, claim.holder, claim.name);
  draft.put(std::move(claim));
  return {std::move(granted), draft.finish(true)};
}

// An unnamed claim without anything to it is one more in its holder's tally.
Decision grant_tally(const Situation& now, const Acquire& acquire) {
  Draft draft = now.draft();
  std::vector<Tally>& tallies = draft.head().tallies;
  Tally* tally = find_tally(tallies, acquire.holder);
  if (tally == nullptr && tallies.size() >= now.limits.holders)
    return {TooMany{now.version(), "holders"}, std::nullopt};
  if (tally != nullptr && tally->count >= now.limits.tally_count) {
    return {TooMany{now.version(), "claims of one holder"}, std::nullopt};
  }
  Event& event = draft.event(held(now.record) ? What::shared : What::acquired);
  event.holder = acquire.holder;
  event.token = event.version;
  if (tally == nullptr) {
    const auto at = std::lower_bound(tallies.begin(), tallies.end(), acquire.holder,
                                     [](const Tally& one, const std::string& name) { return one.holder < name; });
    tally = &*tallies.insert(at, {acquire.holder, 0, event.version, event.version, now.now});
  }
  ++tally->count;
  tally->newest = event.version;
  draft.head().key = acquire.key;

  Granted granted;
  granted.version = event.version;
  granted.token = event.version;
  granted.since = now.now;
  granted.count = count(now.record, acquire.holder) + 1;
  return {std::move(granted), draft.finish(true)};
}

Decision gone(const Situation& now, Gone::Why why) {
  return {Gone{now.version(), why, holds(now.record)}, std::nullopt};
}

Decision refused(const Situation& now) {
  return {Refused{now.version(), holds(now.record)}, std::nullopt};
}

bool other_key(const Record& record, const std::string& key) {
  return held(record) && record.head.key != key;
}

Decision decide_one(const Situation& now, const Acquire& acquire) {
  if (acquire.claim.empty()) {
    if (other_key(now.record, acquire.key)) return refused(now);
    return acquire.metadata.empty() ? grant_tally(now, acquire) : grant_claim(now, acquire, now.version(), nullptr);
  }
  const Version begun = std::min(acquire.begun.value_or(now.version()), now.version());
  const Claim* claim = find_claim(now.record, acquire.claim);
  if (claim != nullptr) {
    if (claim->request == acquire.request) return granted_again(now, *claim);
    if (begun <= claim->begun) return gone(now, Gone::Why::superseded);
  }
  for (const ClosedName& closed : now.record.closed) {
    if (closed.name == acquire.claim && closed.up_to >= begun) return gone(now, Gone::Why::closed);
  }
  if (begun < now.record.head.forgotten) return gone(now, Gone::Why::forgotten);
  if (other_key(now.record, acquire.key)) return refused(now);
  return grant_claim(now, acquire, begun, claim);
}

Decision not_yours(const Situation& now) {
  return {NotYours{now.version(), holds(now.record)}, std::nullopt};
}

Decision nothing(const Situation& now, bool withdrawn) {
  return {Released{now.version(), 0, withdrawn, holds(now.record)}, std::nullopt};
}

// The answer to what `draft` brings about, with the holders that are left.
Decision ended(const Situation& now, Draft& draft, std::uint64_t number, bool withdrawn) {
  const bool left = count(now.record) > number;
  Change change = draft.finish(left);
  Released released{change.head.version, number, withdrawn, {}};
  if (left) {
    Record after = now.record;
    apply(after, change);
    released.holds = holds(after);
  }
  return {std::move(released), std::move(change)};
}

// A named claim that ends closes its name, so that no late copy of its intention takes the lock again.
void end_claim(const Situation& now, Draft& draft, const Claim& claim) {
  draft.take(id(claim));
  if (!claim.name.empty()) draft.close(claim.name, now.version());
}

Decision release_oldest(const Situation& now, const Release& release) {
  const auto claim = std::find_if(now.record.claims.begin(), now.record.claims.end(),
                                  [&](const Claim& one) { return one.holder == release.holder; });
  Draft draft = now.draft();
  Tally* tally = find_tally(draft.head().tallies, release.holder);
  if (claim == now.record.claims.end() && tally == nullptr) return nothing(now, false);
  Event& event = draft.event(What::released);
  event.holder = release.holder;
  if (tally == nullptr || (claim != now.record.claims.end() && claim->token < tally->oldest)) {
    event.claim = claim->name;
    event.token = claim->token;
    end_claim(now, draft, *claim);
  } else {
    event.token = tally->oldest;
    if (--tally->count == 0)
      draft.head().tallies.erase(draft.head().tallies.begin() + (tally - draft.head().tallies.data()));
  }
  return ended(now, draft, 1, false);
}

// Every claim for which `mine(holder)` holds, in one event.
template <class Mine>
Decision end_all(const Situation& now, What what, const std::string& holder, const std::string& reason, Mine mine) {
  Draft draft = now.draft();
  std::uint64_t number = 0;
  Version oldest = 0;
  const auto add = [&](std::uint64_t claims, Version token) {
    number += claims;
    if (oldest == 0 || token < oldest) oldest = token;
  };
  for (const Tally& tally : now.record.head.tallies) {
    if (mine(tally.holder)) add(tally.count, tally.oldest);
  }
  std::erase_if(draft.head().tallies, [&](const Tally& tally) { return mine(tally.holder); });
  for (const Claim& claim : now.record.claims) {
    if (!mine(claim.holder)) continue;
    add(1, claim.token);
    end_claim(now, draft, claim);
  }
  if (number == 0) return nothing(now, false);
  Event& event = draft.event(what);
  event.holder = holder;
  event.token = oldest;
  event.count = number;
  event.reason = reason;
  return ended(now, draft, number, false);
}

Decision release_named(const Situation& now, const Release& release) {
  const Claim* claim = find_claim(now.record, release.claim);
  if (claim != nullptr && now.record.head.key != release.key) return not_yours(now);
  Draft draft = now.draft();
  Event& event = draft.event(claim != nullptr ? What::released : What::withdrawn);
  event.holder = claim != nullptr ? claim->holder : release.holder;
  event.claim = release.claim;
  event.token = claim != nullptr ? claim->token : 0;
  if (claim != nullptr) draft.take(id(*claim));
  draft.close(release.claim, now.version());
  return ended(now, draft, claim != nullptr ? 1 : 0, claim == nullptr);
}

Decision withdraw(const Situation& now, const Release& release) {
  const Claim* claim = find_claim(now.record, release.claim);
  if (claim != nullptr && claim->request != release.request) claim = nullptr;  // another intention holds it
  if (claim != nullptr && now.record.head.key != release.key) return not_yours(now);
  Version up_to = std::min(release.begun.value_or(claim != nullptr ? claim->begun : now.version()), now.version());
  if (claim != nullptr) up_to = std::max(up_to, claim->begun);
  if (claim == nullptr) {
    for (const ClosedName& closed : now.record.closed) {
      if (closed.name == release.claim && closed.up_to >= up_to) return nothing(now, true);
    }
  }
  Draft draft = now.draft();
  Event& event = draft.event(What::withdrawn);
  event.holder = claim != nullptr ? claim->holder : release.holder;
  event.claim = release.claim;
  event.token = claim != nullptr ? claim->token : 0;
  if (claim != nullptr) draft.take(id(*claim));
  draft.close(release.claim, up_to);
  return ended(now, draft, claim != nullptr ? 1 : 0, claim == nullptr);
}

Decision decide_one(const Situation& now, const Release& release) {
  if (!release.claim.empty()) return release.request.empty() ? release_named(now, release) : withdraw(now, release);
  if (!held(now.record)) return nothing(now, false);
  if (now.record.head.key != release.key) return not_yours(now);
  if (!release.all) return release_oldest(now, release);
  return end_all(now, What::released, release.holder, "",
                 [&](const std::string& one) { return one == release.holder; });
}

Decision decide_one(const Situation& now, const ForceRelease& force) {
  return end_all(now, What::forced, "", force.reason, [](const std::string&) { return true; });
}

Decision decide_one(const Situation& now, const Inspect&) {
  return {Inspected{now.record}, std::nullopt};
}

}  // namespace

Decision decide(const Record& record, const Command& command, WallTime now, const Limits& limits) {
  const Situation situation{record, command.caller, now, limits};
  return std::visit([&](const auto& what) { return decide_one(situation, what); }, command.what);
}

}  // namespace lockkeeper::locks
