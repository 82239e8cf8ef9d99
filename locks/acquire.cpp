// Acquiring: at once, from an offer, by taking over, or by queueing.
#include <algorithm>
#include <string>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {
namespace {

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

// The answer about `claim`, whose holder has `count` claims then.
Granted granted(const Situation& now, const Claim& claim, Version version, std::uint64_t count) {
  Granted granted;
  granted.version = version;
  granted.token = claim.token;
  granted.since = claim.since;
  granted.count = count;
  granted.ttl = claim.ttl;
  granted.max_hold = claim.max_hold;
  if (!claim.name.empty()) granted.others = others(now.record, claim.holder, claim.name);
  return granted;
}

Decision granted_again(const Situation& now, const Claim& claim) {
  Granted answer = granted(now, claim, now.version(), count(now.record, claim.holder));
  answer.again = true;
  const auto& committed = now.around.committed;
  const bool written = claim.renewed > claim.token;
  if (!committed || claim.token > *committed || written) return {std::move(answer), std::nullopt};
  Draft draft(now);
  Event& event = draft.event(What::renewed);
  event.holder = claim.holder;
  event.claim = claim.name;
  event.token = claim.token;
  answer.version = event.version;
  Claim told = claim;
  told.renewed = event.version;
  draft.put(std::move(told), &claim);
  return {std::move(answer), draft.finish()};
}

// Whether the waiter's place gives it the lock, or a request without one gets it at once. A holder that holds
// already can't wait for itself; otherwise nobody may be queued before it.
bool may_join(const Record& record, const std::string& key, const std::string& holder, const Waiter* own) {
  const bool first = record.waiters.empty() || own == &record.waiters.front();
  if (!held(record)) return first;
  return record.head.key == key && (first || count(record, holder) != 0);
}

bool needs_row(const Situation& now, const Acquire& acquire) {
  return !acquire.claim.empty() || !acquire.metadata.empty() || acquire.ttl || now.around.terms.max_hold;
}

struct Intention {
  const Acquire& acquire;
  Version begun;
};

bool no_room(const Situation& now) {
  return now.record.claims.size() >= now.around.limits.claim_rows;
}

// A claim that is a row of its own. `former`: the claim it takes over, `own`: the place it had.
Decision grant_claim(const Situation& now, const Intention& intention, const Claim* former, const Waiter* own) {
  if (former == nullptr && no_room(now)) {
    return {TooMany{now.version(), "claims"}, std::nullopt};
  }
  const Acquire& acquire = intention.acquire;
  Draft draft(now);
  Event& event = draft.event(former != nullptr  ? What::taken_over
                             : own != nullptr   ? What::granted
                             : held(now.record) ? What::shared
                                                : What::acquired);
  Claim claim;
  claim.name = acquire.claim;
  claim.holder = acquire.holder;
  claim.token = claim.renewed = claim.granted = event.version;
  claim.since = now.around.now;
  claim.request = acquire.request;
  claim.begun = intention.begun;
  claim.metadata = acquire.metadata;
  claim.by = now.caller.by;
  claim.ttl = acquire.ttl;
  claim.max_hold = now.around.terms.max_hold;
  if (former != nullptr && !former->offered) {  // an offer was not held yet
    claim.since = former->since;
    claim.granted = former->granted;
  }
  event.holder = claim.holder;
  event.claim = claim.name;
  event.token = claim.token;
  draft.head().key = acquire.key;
  const std::uint64_t had = count(now.record, claim.holder);
  Granted answer =
      granted(now, claim, event.version, had + (former != nullptr && former->holder == claim.holder ? 0 : 1));
  answer.took_over = former != nullptr;
  if (own != nullptr) {
    draft.waited_since(own->since);
    draft.take(*own);
  }
  // Not the offer's row any more: stores tell how old a row is, and max_hold counts from here.
  const bool fresh = former == nullptr || former->offered.has_value();
  if (former != nullptr && fresh) draft.take(*former);
  draft.put(std::move(claim), fresh ? nullptr : former);
  return {std::move(answer), draft.finish()};
}

// An unnamed claim without anything to it is one more in its holder's tally. `offer`: it was offered, `own`: the
// place it had.
Decision grant_tally(const Situation& now, const Acquire& acquire, const Claim* offer, const Waiter* own) {
  Draft draft(now);
  std::vector<Tally>& tallies = draft.head().tallies;
  Tally* tally = find_tally(tallies, acquire.holder);
  const Limits& limits = now.around.limits;
  if (tally == nullptr && tallies.size() >= limits.holders)
    return {TooMany{now.version(), "holders"}, std::nullopt};
  if (tally != nullptr && tally->count >= limits.tally_count) {
    return {TooMany{now.version(), "claims of one holder"}, std::nullopt};
  }
  const bool queued = offer != nullptr || own != nullptr;
  Event& event = draft.event(queued ? What::granted : held(now.record) ? What::shared : What::acquired);
  event.holder = acquire.holder;
  event.token = event.version;
  if (tally == nullptr) {
    const auto at = std::lower_bound(tallies.begin(), tallies.end(), acquire.holder,
                                     [](const Tally& one, const std::string& name) { return one.holder < name; });
    tally = &*tallies.insert(at, {acquire.holder, 0, event.version, event.version, now.around.now});
  }
  ++tally->count;
  tally->newest = event.version;
  draft.head().key = acquire.key;

  Granted answer;
  answer.version = event.version;
  answer.token = event.version;
  answer.since = now.around.now;
  answer.count = count(now.record, acquire.holder) + (offer != nullptr ? 0 : 1);
  if (offer != nullptr) draft.take(*offer);
  if (own != nullptr) {
    draft.waited_since(own->since);
    draft.take(*own);
  }
  return {std::move(answer), draft.finish()};
}

// The client is there for its offer: from here on it is a claim, and its ttl and max_hold run.
Decision take_up(const Situation& now, const Claim& offer) {
  Draft draft(now);
  Event& event = draft.event(What::granted);
  Claim claim = offer;
  claim.token = claim.renewed = claim.granted = event.version;
  claim.since = now.around.now;
  claim.by = now.caller.by;
  claim.offered.reset();
  event.holder = claim.holder;
  event.claim = claim.name;
  event.token = claim.token;
  Granted answer = granted(now, claim, event.version, count(now.record, claim.holder));
  draft.take(offer);  // not replaced: it is another row, and as old as it is now
  draft.put(std::move(claim), nullptr);
  return {std::move(answer), draft.finish()};
}

Decision refused(const Situation& now) {
  return {Refused{now.version(), holds(now.record)}, std::nullopt};
}

Waiter waiter(const Situation& now, const Intention& intention) {
  const Acquire& acquire = intention.acquire;
  Waiter waiter;
  waiter.name = acquire.claim;
  waiter.key = acquire.key;
  waiter.holder = acquire.holder;
  waiter.since = now.around.now;
  waiter.request = acquire.request;
  waiter.begun = intention.begun;
  waiter.metadata = acquire.metadata;
  waiter.by = now.caller.by;
  waiter.door = now.caller.door;
  waiter.ttl = acquire.ttl;
  waiter.max_hold = now.around.terms.max_hold;
  waiter.grace = now.around.terms.grace;
  return waiter;
}

Decision enter_queue(const Situation& now, Waiter waiter, const Waiter* former) {
  Draft draft(now);
  Event& event = draft.event(former != nullptr ? What::taken_over : What::queued);
  event.holder = waiter.holder;
  event.claim = waiter.name;
  waiter.renewed = event.version;
  waiter.place = former != nullptr ? former->place : event.version;
  if (former != nullptr) waiter.since = former->since;

  // The queue as it will be, without copying it.
  const auto& queue = now.record.waiters;
  const std::size_t index =
      former != nullptr ? static_cast<std::size_t>(std::distance(
                              queue.begin(), std::find_if(queue.begin(), queue.end(),
                                                          [&](const Waiter& one) { return &one == former; })))
                        : queue.size();
  Queued answer = queued(now.record, index, waiter.key, now.around.now);
  answer.version = event.version;
  answer.place = id(waiter);
  answer.since = waiter.since;
  draft.put(std::move(waiter), former);
  return {std::move(answer), draft.finish()};
}

Decision still_queued(const Situation& now, const Waiter* own) {
  const auto& queue = now.record.waiters;
  const auto at = std::find_if(queue.begin(), queue.end(), [&](const Waiter& one) { return &one == own; });
  return {queued(now.record, static_cast<std::size_t>(std::distance(queue.begin(), at)), own->key, now.around.now),
          std::nullopt};
}

bool queue_full(const Situation& now) {
  return now.record.waiters.size() >= now.around.limits.waiters;
}

// Known by key and holder: what a refused plain request left in the queue, and what it was offered for it.
const Waiter* unnamed_place(const Record& record, const Acquire& acquire) {
  for (const Waiter& one : record.waiters) {
    if (one.name.empty() && one.key == acquire.key && one.holder == acquire.holder) return &one;
  }
  return nullptr;
}

const Claim* unnamed_offer(const Record& record, const Acquire& acquire) {
  if (record.head.key != acquire.key) return nullptr;
  for (const Claim& one : record.claims) {
    if (one.offered && one.name.empty() && one.holder == acquire.holder) return &one;
  }
  return nullptr;
}

Decision acquire_unnamed(const Situation& now, const Acquire& acquire) {
  const Record& record = now.record;
  const bool row = needs_row(now, acquire);
  if (const Claim* offer = unnamed_offer(record, acquire)) {
    const bool stays = offer->ttl || offer->max_hold || !offer->metadata.empty();
    return stays ? take_up(now, *offer) : grant_tally(now, acquire, offer, nullptr);
  }
  const Waiter* own = unnamed_place(record, acquire);
  if (may_join(record, acquire.key, acquire.holder, own)) {
    Decision joined =
        row ? grant_claim(now, {acquire, now.version()}, nullptr, own) : grant_tally(now, acquire, nullptr, own);
    // Who waits goes on waiting where there is no room.
    if (own == nullptr || joined.change) return joined;
  }
  if (own != nullptr) return still_queued(now, own);
  if (acquire.placeless || !now.around.terms.place_for_refused || queue_full(now)) return refused(now);
  Waiter place = waiter(now, {acquire, now.version()});
  place.grace = *now.around.terms.place_for_refused;
  return enter_queue(now, std::move(place), nullptr);
}

}  // namespace

Decision decide_one(const Situation& now, const Acquire& acquire) {
  if (acquire.claim.empty()) return acquire_unnamed(now, acquire);
  const Record& record = now.record;
  const Intention intention{acquire, std::min(acquire.begun.value_or(now.version()), now.version())};
  const Claim* claim = find_claim(record, acquire.claim);
  const Waiter* place = find_waiter(record, acquire.claim);
  if (claim != nullptr) {
    if (claim->request == acquire.request)
      return claim->offered ? take_up(now, *claim) : granted_again(now, *claim);
    if (intention.begun <= claim->begun) return gone(now, Gone::Why::superseded);
  }
  if (place != nullptr && place->request == acquire.request) {
    const bool joins = may_join(record, place->key, place->holder, place) && !no_room(now);
    if (!joins) return still_queued(now, place);
    Acquire kept = acquire;  // what the place stands for, whatever the copy says
    kept.key = place->key;
    kept.holder = place->holder;
    return grant_claim(now, {kept, place->begun}, nullptr, place);
  }
  if (place != nullptr && intention.begun <= place->begun) return gone(now, Gone::Why::superseded);
  for (const ClosedName& closed : record.closed) {
    if (closed.name == acquire.claim && (acquire.once || closed.up_to >= intention.begun)) {
      return gone(now, Gone::Why::closed, closed.end);
    }
  }
  if (intention.begun < record.head.forgotten) return gone(now, Gone::Why::forgotten);
  if (claim != nullptr) {
    return record.head.key == acquire.key ? grant_claim(now, intention, claim, nullptr) : refused(now);
  }
  const bool joins = may_join(record, acquire.key, acquire.holder, place);
  if (joins && (place == nullptr || !no_room(now))) return grant_claim(now, intention, nullptr, place);
  if (!acquire.wait) return refused(now);
  if (place == nullptr && queue_full(now)) return {TooMany{now.version(), "waiters"}, std::nullopt};
  return enter_queue(now, waiter(now, intention), place);
}

}  // namespace lockkeeper::locks
