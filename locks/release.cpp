// Releasing, withdrawing, and forcing.
#include <algorithm>
#include <string>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {
namespace {

Decision nothing(const Situation& now, bool withdrawn, std::optional<End> ended = std::nullopt) {
  return {Released{now.version(), 0, withdrawn, holds(now.record), ended}, std::nullopt};
}

// The answer to what `draft` brings about, with the holders that are left, or that got it from the queue.
Decision ended(Draft& draft, const Situation& now, std::uint64_t number, bool withdrawn,
               std::optional<End> before = std::nullopt) {
  Change change = draft.finish();
  Released released{change.head.version, number, withdrawn, {}, before};
  if (!change.head.key.empty()) {
    Record after;  // without its queue and closed names, which may be long and do not hold
    after.claims = now.record.claims;
    apply(after, change);
    released.holds = holds(after);
  }
  return {std::move(released), std::move(change)};
}

Decision release_oldest(const Situation& now, const Release& release) {
  const auto& claims = now.record.claims;
  // What a waiter was offered under a name is its own affair.
  const auto claim = std::find_if(claims.begin(), claims.end(), [&](const Claim& one) {
    return one.holder == release.holder && (!one.offered || one.name.empty());
  });
  Draft draft(now);
  Tally* tally = find_tally(draft.head().tallies, release.holder);
  if (claim == claims.end() && tally == nullptr) return nothing(now, false);
  Event& event = draft.event(What::released);
  event.holder = release.holder;
  if (tally == nullptr || (claim != claims.end() && claim->token < tally->oldest)) {
    event.claim = claim->name;
    event.token = claim->token;
    draft.end(*claim, End::released);
  } else {
    event.token = tally->oldest;
    if (--tally->count == 0) {
      draft.held_since(tally->since);
      draft.head().tallies.erase(draft.head().tallies.begin() + (tally - draft.head().tallies.data()));
    }
  }
  return ended(draft, now, 1, false);
}

// Every claim for which `mine(holder)` holds, in one event.
template <class Mine>
Decision end_all(const Situation& now, What what, End end, const std::string& holder, const std::string& reason,
                 Mine mine) {
  Draft draft(now);
  std::uint64_t number = 0;
  Version oldest = 0;
  const auto add = [&](std::uint64_t claims, Version token) {
    number += claims;
    if (oldest == 0 || token < oldest) oldest = token;
  };
  for (const Tally& tally : now.record.head.tallies) {
    if (!mine(tally.holder)) continue;
    add(tally.count, tally.oldest);
    draft.held_since(tally.since);
  }
  std::erase_if(draft.head().tallies, [&](const Tally& tally) { return mine(tally.holder); });
  for (const Claim& claim : now.record.claims) {
    if (!mine(claim.holder)) continue;
    add(1, claim.token);
    draft.end(claim, end);
  }
  if (number == 0) return nothing(now, false);
  Event& event = draft.event(what);
  event.holder = holder;
  event.token = oldest;
  event.count = number;
  event.reason = reason;
  return ended(draft, now, number, false);
}

// What stands under a name: a claim, a place, or neither.
struct Standing {
  const Claim* claim = nullptr;
  const Waiter* waiter = nullptr;

  bool none() const { return claim == nullptr && waiter == nullptr; }
};

// Ends it and closes the name up to `up_to`.
Decision end_named(const Situation& now, const Release& release, const Standing& standing, What what,
                   Version up_to) {
  const auto& [claim, waiter] = standing;
  Draft draft(now);
  Event& event = draft.event(claim != nullptr ? what : What::withdrawn);
  event.holder = claim != nullptr ? claim->holder : waiter != nullptr ? waiter->holder : release.holder;
  event.claim = release.claim;
  event.token = claim != nullptr ? claim->token : 0;
  if (claim != nullptr) {
    draft.take(*claim);
    if (!claim->offered) draft.held_since(claim->since);
  }
  if (waiter != nullptr) draft.take(*waiter);
  draft.close(release.claim, up_to, standing.none() ? std::nullopt : std::optional(End::released));
  return ended(draft, now, claim != nullptr ? 1 : 0, claim == nullptr,
               standing.none() ? ended_before(now.record, release.claim) : std::nullopt);
}

bool other_key(const Situation& now, const Release& release, const Standing& standing) {
  const auto other = [&](const std::string& key) {
    return release.key_begins ? !key.starts_with(release.key) : key != release.key;
  };
  if (standing.claim != nullptr) return other(now.record.head.key);
  return standing.waiter != nullptr && other(standing.waiter->key);
}

Decision release_named(const Situation& now, const Release& release) {
  const Standing standing{find_claim(now.record, release.claim), find_waiter(now.record, release.claim)};
  if (other_key(now, release, standing)) return not_yours(now);
  return end_named(now, release, standing, What::released, now.version());
}

Decision withdraw(const Situation& now, const Release& release) {
  Standing standing{find_claim(now.record, release.claim), find_waiter(now.record, release.claim)};
  // What another intention holds under the name is not touched.
  if (standing.claim != nullptr && standing.claim->request != release.request) standing.claim = nullptr;
  if (standing.waiter != nullptr && standing.waiter->request != release.request) standing.waiter = nullptr;
  if (other_key(now, release, standing)) return not_yours(now);
  std::optional<Version> own;
  if (standing.claim != nullptr) own = standing.claim->begun;
  if (standing.waiter != nullptr) own = standing.waiter->begun;
  const Version begun = std::min(release.begun.value_or(own.value_or(now.version())), now.version());
  const Version up_to = std::max(begun, own.value_or(0));
  if (standing.none()) {
    for (const ClosedName& closed : now.record.closed) {
      if (closed.name == release.claim && closed.up_to >= up_to) return nothing(now, true, closed.end);
    }
  }
  return end_named(now, release, standing, What::withdrawn, up_to);
}

// At such a door nobody shares: there is one claim, or an offer of one, which is its waiter's affair.
Decision release_by_beginning(const Situation& now, const Release& release) {
  if (!now.record.head.key.starts_with(release.key)) return not_yours(now);
  const auto& claims = now.record.claims;
  if (!claims.empty() && claims.front().offered) return nothing(now, false);
  const std::string holder = holds(now.record).front().holder;
  return end_all(now, What::released, End::released, holder, "", [](const std::string&) { return true; });
}

}  // namespace

Decision decide_one(const Situation& now, const Release& release) {
  if (!release.claim.empty()) return release.request.empty() ? release_named(now, release) : withdraw(now, release);
  if (!held(now.record)) return nothing(now, false);
  if (release.key_begins) return release_by_beginning(now, release);
  if (now.record.head.key != release.key) return not_yours(now);
  if (!release.all) return release_oldest(now, release);
  return end_all(now, What::released, End::released, release.holder, "",
                 [&](const std::string& one) { return one == release.holder; });
}

Decision decide_one(const Situation& now, const ForceRelease& force) {
  return end_all(now, What::forced, End::forced, "", force.reason, [](const std::string&) { return true; });
}

}  // namespace lockkeeper::locks
