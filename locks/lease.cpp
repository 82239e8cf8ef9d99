// Renewing, and what ends without its holder.
#include <algorithm>
#include <string>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {
namespace {

const Claim* find_row(const Record& record, const std::string& row) {
  for (const Claim& claim : record.claims) {
    if (claim.name.empty() ? id(claim).id == row : claim.name == row) return &claim;
  }
  return nullptr;
}

const Waiter* find_place(const Record& record, const std::string& row) {
  for (const Waiter& waiter : record.waiters) {
    if (waiter.name.empty() ? id(waiter).id == row : waiter.name == row) return &waiter;
  }
  return nullptr;
}

Decision unchanged(const Situation& now) {
  return {Noted{now.version(), false}, std::nullopt};
}

Decision noted(Draft& draft) {
  Change change = draft.finish();
  const Version version = change.head.version;
  return {Noted{version, true}, std::move(change)};
}

Decision lapse_claim(const Situation& now, const Lapse& lapse) {
  const Claim* claim = find_row(now.record, lapse.id);
  if (claim == nullptr) return unchanged(now);
  const bool due = lapse.max_hold ? claim->max_hold && !claim->offered && claim->granted == lapse.mark
                                  : (claim->ttl || claim->offered) && claim->renewed == lapse.mark;
  if (!due) return unchanged(now);
  Draft draft(now);
  Event& event = draft.event(claim->offered ? What::offer_lapsed : What::lapsed);
  event.holder = claim->holder;
  event.claim = claim->name;
  event.token = claim->token;
  if (lapse.max_hold) event.reason = "max_hold";
  // Who missed an offer may still come and queue again: nobody held anything.
  if (claim->offered) {
    draft.take(*claim);
  } else {
    draft.end(*claim, End::lapsed);
  }
  return noted(draft);
}

Decision lapse_place(const Situation& now, const Lapse& lapse) {
  const Waiter* waiter = find_place(now.record, lapse.id);
  if (waiter == nullptr || waiter->renewed != lapse.mark) return unchanged(now);
  Draft draft(now);
  Event& event = draft.event(What::lapsed);
  event.holder = waiter->holder;
  event.claim = waiter->name;
  draft.take(*waiter);
  return noted(draft);
}

}  // namespace

Decision decide_one(const Situation& now, const Renew& renew) {
  const Claim* claim = nullptr;
  for (const Claim& one : now.record.claims) {
    const bool meant = renew.claim.empty() ? one.name.empty() && one.token == renew.token : one.name == renew.claim;
    if (meant && !one.offered) claim = &one;
  }
  if (claim == nullptr) return gone(now, Gone::Why::ended, ended_before(now.record, renew.claim));
  const std::string& key = now.record.head.key;
  if (renew.key_begins ? !key.starts_with(renew.key) : key != renew.key) return not_yours(now);
  if (renew.token && *renew.token != claim->token) return gone(now, Gone::Why::superseded);
  if (!claim->ttl) return {Renewed{now.version(), claim->token, std::nullopt, claim->max_hold}, std::nullopt};
  Draft draft(now);
  Event& event = draft.event(What::renewed);
  event.holder = claim->holder;
  event.claim = claim->name;
  event.token = claim->token;
  Claim renewed = *claim;
  renewed.renewed = event.version;
  renewed.ttl = std::max(*claim->ttl, renew.ttl.value_or(*claim->ttl));
  const Renewed answer{event.version, claim->token, renewed.ttl, claim->max_hold};
  draft.put(std::move(renewed), claim);
  return {answer, draft.finish()};
}

Decision decide_one(const Situation& now, const Lapse& lapse) {
  return lapse.kind == RowKind::claim ? lapse_claim(now, lapse) : lapse_place(now, lapse);
}

Decision decide_one(const Situation& now, const GiveBack& give_back) {
  const Claim* claim = find_claim(now.record, give_back.claim);
  if (claim == nullptr || claim->offered || claim->request != give_back.request ||
      claim->token != give_back.token) {
    return unchanged(now);
  }
  // Somebody was told of it since, perhaps at another server.
  if (now.around.committed && claim->renewed != claim->token) return unchanged(now);
  Draft draft(now);
  Event& event = draft.event(What::offered);
  event.holder = claim->holder;
  event.claim = claim->name;
  event.token = claim->token;
  Claim offer = *claim;
  offer.offered = now.around.terms.grace;
  offer.renewed = event.version;
  draft.put(std::move(offer), claim);
  return noted(draft);
}

Decision decide_one(const Situation& now, const KeepPlace& keep) {
  const Waiter* waiter = find_place(now.record, keep.id);
  if (waiter == nullptr) return unchanged(now);
  Draft draft(now);
  Event& event = draft.event(What::renewed);
  event.holder = waiter->holder;
  event.claim = waiter->name;
  Waiter kept = *waiter;
  kept.renewed = event.version;
  draft.put(std::move(kept), waiter);
  return noted(draft);
}

}  // namespace lockkeeper::locks
