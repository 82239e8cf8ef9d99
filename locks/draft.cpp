#include "locks/draft.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace lockkeeper::locks {

Draft::Draft(const Situation& now) : now_(now), claims_(now.record.claims.size()) {
  change_.expected = now.record.head.version;
  change_.head = now.record.head;
}

Event& Draft::event(What what) {
  Event event;
  event.version = ++change_.head.version;
  event.at = now_.around.now;
  event.what = what;
  event.by = now_.caller.by;
  event.door = now_.caller.door;
  change_.head.changed = now_.around.now;
  return change_.events.emplace_back(std::move(event));
}

void Draft::put(Claim claim, const Claim* former) {
  if (former == nullptr) {
    ++claims_;
  } else {
    gone_.push_back(former);
    if (timed(*former)) --change_.head.timed;
  }
  if (timed(claim)) ++change_.head.timed;
  if (!now_.record.waiters.empty()) {
    joined_.push_back(claim.holder);
    if (holders_) holders_->insert(joined_.back());
  }
  change_.rows.emplace_back(std::move(claim));
}

void Draft::put(Waiter waiter, const Waiter* former) {
  if (former == nullptr) {
    ++change_.head.timed;
  } else {
    stays_ = former;
  }
  change_.rows.emplace_back(std::move(waiter));
}

void Draft::take(const Claim& claim) {
  --claims_;
  if (timed(claim)) --change_.head.timed;
  gone_.push_back(&claim);
  change_.rows.emplace_back(id(claim));
}

void Draft::take(const Waiter& waiter) {
  --change_.head.timed;
  left_.push_back(&waiter);
  change_.rows.emplace_back(id(waiter));
}

void Draft::end(const Claim& claim, End end) {
  take(claim);
  if (!claim.offered) held_since(claim.since);
  if (!claim.name.empty()) close(claim.name, now_.version(), end);
}

void Draft::held_since(WallTime since) {
  const milliseconds held = std::max(now_.around.now - since, milliseconds(0));
  change_.held.push_back(held);
  milliseconds& mean = change_.head.mean_hold;
  mean = mean.count() == 0 ? held : (3 * mean + held) / 4;
}

void Draft::waited_since(WallTime since) {
  change_.waited.push_back(std::max(now_.around.now - since, milliseconds(0)));
}

void Draft::close(const std::string& name, Version up_to, std::optional<End> end) {
  for (const ClosedName& closed : now_.record.closed) {
    if (closed.name != name) continue;
    if (!end) end = closed.end;
    if (closed.up_to < up_to) continue;
    // Closed further already; only how it ended may be news, unless it is about to be forgotten.
    if (closed.end != *end && !aged(closed)) closed_.push_back({name, closed.up_to, closed.at, *end});
    return;
  }
  closed_.push_back({name, up_to, now_.around.now, end.value_or(End::released)});
}

Change Draft::finish() {
  if (!now_.record.waiters.empty()) grant_waiting();
  if (!held()) change_.head.key.clear();
  forget();
  for (ClosedName& closed : closed_) change_.rows.emplace_back(std::move(closed));
  return std::move(change_);
}

bool Draft::aged(const ClosedName& closed) const {
  return now_.around.now - closed.at > now_.around.limits.closed_for;
}

bool Draft::taken(const Waiter& waiter) const {
  return std::find(left_.begin(), left_.end(), &waiter) != left_.end();
}

bool Draft::holds(const std::string& holder) {
  if (!holders_) {
    holders_.emplace();
    for (const Tally& tally : change_.head.tallies) holders_->insert(tally.holder);
    for (const Claim& claim : now_.record.claims) {
      if (std::find(gone_.begin(), gone_.end(), &claim) == gone_.end()) holders_->insert(claim.holder);
    }
    holders_->insert(joined_.begin(), joined_.end());
  }
  return holders_->count(holder) != 0;
}

bool Draft::may_reenter() const {
  const bool rest_of_a_hand_over = change_.events.empty();
  return !joined_.empty() || rest_of_a_hand_over || now_.record.claims.size() >= now_.around.limits.claim_rows;
}

// The head of the queue, and all behind it with the same key; then, past the first that has to go on waiting, those
// whose holder holds now: they can't wait for themselves.
void Draft::grant_waiting() {
  const bool rest = may_reenter();
  bool in_turn = true;
  std::size_t grants = 0;
  for (const Waiter& waiter : now_.record.waiters) {
    if (taken(waiter)) continue;
    const bool fits = !held() || waiter.key == change_.head.key;
    if (&waiter == stays_ || !fits) in_turn = false;
    if (!in_turn) {
      if (grants == 0 && !rest) return;
      if (&waiter == stays_ || !fits || !holds(waiter.holder)) continue;
    }
    if (claims_ >= now_.around.limits.claim_rows) return;
    if (grants == commit_grants || (grants != 0 && change_.rows.size() + closed_.size() + 2 > commit_rows)) return;
    grant(waiter);
    ++grants;
  }
}

void Draft::grant(const Waiter& waiter) {
  const Polls* polls = now_.around.polls;
  const bool there = polls != nullptr && !waiter.name.empty() && polls->open(waiter.name, waiter.request);
  Event& event = this->event(there ? What::granted : What::offered);
  event.holder = waiter.holder;
  event.claim = waiter.name;
  event.token = event.version;
  event.by = waiter.by;
  event.door = waiter.door;
  Claim claim;
  claim.name = waiter.name;
  claim.holder = waiter.holder;
  claim.token = claim.renewed = claim.granted = event.version;
  claim.since = now_.around.now;
  claim.request = waiter.request;
  claim.begun = waiter.begun;
  claim.metadata = waiter.metadata;
  claim.by = waiter.by;
  claim.ttl = waiter.ttl;
  claim.max_hold = waiter.max_hold;
  if (!there) claim.offered = waiter.grace;
  change_.head.key = waiter.key;
  waited_since(waiter.since);
  take(waiter);
  put(std::move(claim), nullptr);
}

// Drops closed names that are too old or too many, oldest up_to first, those of this change among them; what
// began before them is refused from here on.
void Draft::forget() {
  const Limits& limits = now_.around.limits;
  const auto& known = now_.record.closed;
  // Mostly there is nothing to do, and a lock may have thousands of them.
  if (known.size() + closed_.size() <= limits.closed_names &&
      std::none_of(known.begin(), known.end(), [this](const ClosedName& one) { return aged(one); })) {
    return;
  }
  const auto replaced = [&](const ClosedName& old) {
    return std::any_of(closed_.begin(), closed_.end(), [&](const ClosedName& one) { return one.name == old.name; });
  };
  const auto order = [](const ClosedName& one) { return std::tie(one.up_to, one.name); };
  std::size_t kept = closed_.size();
  for (const ClosedName& old : now_.record.closed) kept += aged(old) || replaced(old) ? 0 : 1;
  std::sort(closed_.begin(), closed_.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  auto fresh = closed_.begin();  // those before it are dropped
  const auto drop = [&](const ClosedName& one) {
    change_.rows.emplace_back(id(one));
    change_.head.forgotten = std::max(change_.head.forgotten, one.up_to + 1);
  };
  const auto too_many = [&] { return kept > limits.closed_names; };
  for (const ClosedName& old : now_.record.closed) {
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

}  // namespace lockkeeper::locks
