#include "model.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace lockkeeper::test {

using namespace locks;

Model::Model(Version floor, const Limits& limits) : limits_(limits), version_(floor), forgotten_(floor) {}

Outcome Model::ask(const Command& command, WallTime now) {
  const Terms terms;
  return ask(command, Circumstances{now, limits_, terms});
}

Outcome Model::ask(const Command& command, const Circumstances& around) {
  look_around(around, command.caller);
  struct {
    Model& model;
    Outcome operator()(const Acquire& it) { return model.acquire(it); }
    Outcome operator()(const Release& it) { return model.release(it); }
    Outcome operator()(const ForceRelease& it) { return model.force(it); }
    Outcome operator()(const Renew& it) { return model.renew(it); }
    Outcome operator()(const Lapse& it) { return model.lapse(it); }
    Outcome operator()(const GiveBack& it) { return model.give_back(it); }
    Outcome operator()(const KeepPlace& it) { return model.keep_place(it); }
    Outcome operator()(const OfGate&) { return Gated{}; }  // it knows locks only
    Outcome operator()(const Inspect&) { return Inspected{model.record()}; }
  } asked{*this};
  Outcome outcome = std::visit(asked, command.what);
  polls_ = nullptr;
  return outcome;
}

bool Model::hand_over(const Circumstances& around) {
  look_around(around, {"", "server"});
  const bool left = next_in_turn() != waiters_.end();
  if (left) settle();
  polls_ = nullptr;
  return left;
}

void Model::look_around(const Circumstances& around, const Caller& caller) {
  now_ = around.now;
  terms_ = around.terms;
  polls_ = around.polls;
  committed_ = around.committed;
  caller_ = caller;
  events_.clear();
  rows_ = 0;
}

// ---- acquire

Outcome Model::acquire(const Acquire& wanted) {
  return wanted.claim.empty() ? acquire_plain(wanted) : acquire_named(wanted);
}

Outcome Model::acquire_plain(const Acquire& wanted) {
  if (key_ == wanted.key) {
    const auto offer = std::find_if(claims_.begin(), claims_.end(), [&](const Claim& claim) {
      return claim.name.empty() && claim.offered && claim.holder == wanted.holder;
    });
    if (offer != claims_.end()) {
      const bool plain = offer->metadata.empty() && !offer->ttl && !offer->max_hold;
      return plain ? count_one_more(wanted, offer) : take_up(offer);
    }
  }
  const auto own = find_place(wanted.key, wanted.holder);
  const bool in_turn = own == waiters_.begin() && own != waiters_.end() && wanted.key == key_;
  if (!in_turn && !may_enter(wanted.key, wanted.holder)) return keep_for_refused(wanted);
  const bool plain = wanted.metadata.empty() && !wanted.ttl && !terms_.max_hold;
  const Outcome outcome = plain ? count_one_more(wanted, claims_.end()) : grant(wanted);
  const auto place = find_place(wanted.key, wanted.holder);
  const bool waits_on = std::holds_alternative<TooMany>(outcome) && place != waiters_.end();
  return waits_on ? queued(place) : outcome;
}

// A plain claim is no more than a number. `offer`: it was offered, or the end.
Outcome Model::count_one_more(const Acquire& wanted, Claims::iterator offer) {
  const auto block = blocks_.find(wanted.holder);
  if (block == blocks_.end() && blocks_.size() >= limits_.holders) return TooMany{version_, {}};
  if (block != blocks_.end() && block->second.count >= limits_.tally_count) return TooMany{version_, {}};
  const bool offered = offer != claims_.end();
  const bool waited = take_place(wanted) || offered;
  new_token(waited ? What::granted : held() ? What::shared : What::acquired, wanted.holder);
  const Version token = version_;
  key_ = wanted.key;
  if (offered) {
    claims_.erase(offer);
    ++rows_;
  }
  if (block == blocks_.end()) {
    blocks_[wanted.holder] = Tally{wanted.holder, 1, version_, version_, now_};
  } else {
    ++block->second.count;
    block->second.newest = version_;
  }
  Claim claim;
  claim.holder = wanted.holder;
  claim.token = token;
  claim.since = now_;
  return answered(granted(claim));
}

// Who gets the lock waits no longer.
bool Model::take_place(const Acquire& wanted) {
  const auto place = wanted.claim.empty() ? find_place(wanted.key, wanted.holder) : find_place(wanted.claim);
  if (place == waiters_.end()) return false;
  waiters_.erase(place);
  ++rows_;
  return true;
}

// What is said of a grant is said before the queue is looked at: others that join are told on their own.
Outcome Model::answered(Granted granted) {
  settle();
  return granted;
}

// To who comes when it may enter.
Outcome Model::grant(const Acquire& wanted) {
  if (claims_.size() >= limits_.claim_rows) return TooMany{version_, {}};
  const Version began_at = began(wanted.begun);
  const bool waited = take_place(wanted);
  new_token(waited ? What::granted : held() ? What::shared : What::acquired, wanted.holder, wanted.claim);
  key_ = wanted.key;
  Claim claim;
  claim.name = wanted.claim;
  claim.holder = wanted.holder;
  claim.token = claim.renewed = claim.granted = version_;
  claim.since = now_;
  claim.request = wanted.request;
  claim.begun = began_at;
  claim.metadata = wanted.metadata;
  claim.by = caller_.by;
  claim.ttl = wanted.ttl;
  claim.max_hold = terms_.max_hold;
  claims_.push_back(claim);
  ++rows_;
  return answered(granted(claim));
}

// An old client that only polls must not starve behind a queue, if the server is told so.
Outcome Model::keep_for_refused(const Acquire& wanted) {
  if (!terms_.place_for_refused) return Refused{version_, holds()};
  const auto place = find_place(wanted.key, wanted.holder);
  if (place != waiters_.end()) return queued(place);
  if (waiters_.size() >= limits_.waiters) return Refused{version_, holds()};
  queue(wanted, *terms_.place_for_refused);
  return queued(std::prev(waiters_.end()));
}

void Model::queue(const Acquire& wanted, milliseconds grace) {
  const Version began_at = began(wanted.begun);
  event(What::queued, wanted.holder, wanted.claim);
  Waiter waiter;
  waiter.name = wanted.claim;
  waiter.key = wanted.key;
  waiter.holder = wanted.holder;
  waiter.place = waiter.renewed = version_;
  waiter.since = now_;
  waiter.request = wanted.request;
  waiter.begun = began_at;
  waiter.metadata = wanted.metadata;
  waiter.by = caller_.by;
  waiter.door = caller_.door;
  waiter.ttl = wanted.ttl;
  waiter.max_hold = terms_.max_hold;
  waiter.grace = grace;
  waiters_.push_back(waiter);
  ++rows_;
  settle();
}

Outcome Model::acquire_named(const Acquire& wanted) {
  const auto claim = find_claim(wanted.claim);
  if (claim != claims_.end()) {
    if (claim->request == wanted.request) {
      if (claim->offered) return take_up(claim);
      // Where others may be told too, it is written that somebody was.
      const bool writes = committed_ && claim->token <= *committed_ && claim->renewed == claim->token;
      if (writes) {
        event(What::renewed, claim->holder, claim->name).token = claim->token;
        claim->renewed = version_;
        ++rows_;
      }
      Granted again = granted(*claim);
      again.again = true;
      if (writes) settle();
      return again;
    }
    if (auto answer = over(wanted, claim->begun)) return *answer;
    if (key_ != wanted.key) return Refused{version_, holds()};
    return take_over(wanted, claim);
  }
  const auto place = find_place(wanted.claim);
  if (place != waiters_.end()) {
    if (place->request == wanted.request) return queued(place);
    if (auto answer = over(wanted, place->begun)) return *answer;
    const bool first = place == waiters_.begin();
    const bool room = claims_.size() < limits_.claim_rows;
    if (wanted.key == key_ && (first || holds(wanted.holder)) && room) return grant(wanted);
    if (!wanted.wait) return Refused{version_, holds()};
    return take_over(wanted, place);
  }
  if (auto answer = over(wanted, std::nullopt)) return *answer;
  if (may_enter(wanted.key, wanted.holder)) return grant(wanted);
  if (!wanted.wait) return Refused{version_, holds()};
  if (waiters_.size() >= limits_.waiters) return TooMany{version_, {}};
  queue(wanted, terms_.grace);
  return queued(std::prev(waiters_.end()));
}

// Whether the intention is over: what stands under its name is newer (or as old), its name was closed after it
// began, or nobody knows that any more.
std::optional<Outcome> Model::over(const Acquire& wanted, std::optional<Version> stands) const {
  const Version began_at = began(wanted.begun);
  if (stands && began_at <= *stands) return gone(Gone::Why::superseded, "");
  const auto closed = closed_.find(wanted.claim);
  if (closed != closed_.end() && began_at <= closed->second.up_to) return gone(Gone::Why::closed, wanted.claim);
  if (began_at < forgotten_) return gone(Gone::Why::forgotten, "");
  return std::nullopt;
}

// The claim gets a new token; it is still the same purpose that holds, since when it did.
Outcome Model::take_over(const Acquire& wanted, Claims::iterator standing) {
  const Version began_at = began(wanted.begun);
  new_token(What::taken_over, wanted.holder, wanted.claim);
  Claim claim = *standing;
  claims_.erase(standing);
  if (claim.offered) {  // it was nobody's yet
    claim.granted = version_;
    claim.since = now_;
    claim.offered = std::nullopt;
  }
  claim.holder = wanted.holder;
  claim.token = claim.renewed = version_;
  claim.request = wanted.request;
  claim.begun = began_at;
  claim.metadata = wanted.metadata;
  claim.by = caller_.by;
  claim.ttl = wanted.ttl;
  claim.max_hold = terms_.max_hold;
  claims_.push_back(claim);
  ++rows_;
  Granted result = granted(claim);
  result.took_over = true;
  return answered(result);
}

// The place keeps its turn.
Outcome Model::take_over(const Acquire& wanted, Waiters::iterator place) {
  const Version began_at = began(wanted.begun);
  event(What::taken_over, wanted.holder, wanted.claim);
  place->key = wanted.key;
  place->holder = wanted.holder;
  place->renewed = version_;
  place->request = wanted.request;
  place->begun = began_at;
  place->metadata = wanted.metadata;
  place->by = caller_.by;
  place->door = caller_.door;
  place->ttl = wanted.ttl;
  place->max_hold = terms_.max_hold;
  place->grace = terms_.grace;
  ++rows_;
  settle();
  return queued(find_place(wanted.claim));
}

// The waiter is back: the offer becomes its claim, and only now its time begins.
Outcome Model::take_up(Claims::iterator offer) {
  new_token(What::granted, offer->holder, offer->name);
  Claim claim = *offer;
  claims_.erase(offer);
  claim.token = claim.renewed = claim.granted = version_;
  claim.since = now_;
  claim.by = caller_.by;
  claim.offered = std::nullopt;
  claims_.push_back(claim);
  rows_ += 2;
  return answered(granted(claim));
}

// ---- release

Outcome Model::release(const Release& given) {
  if (given.claim.empty()) return release_plain(given);
  return given.request.empty() ? release_named(given) : withdraw(given);
}

Outcome Model::release_plain(const Release& given) {
  if (!held()) return released(0);
  if (key_ != given.key) return NotYours{version_, holds()};

  const auto block = blocks_.find(given.holder);
  const bool counted = block != blocks_.end();
  if (given.all) {
    const bool holds_some = counted || holds(given.holder);
    return holds_some ? end_all(What::released, given.holder, End::released) : released(0);
  }
  // What a waiter was offered under a name is its own affair.
  const auto oldest = std::find_if(claims_.begin(), claims_.end(), [&](const Claim& claim) {
    return claim.holder == given.holder && (!claim.offered || claim.name.empty());
  });
  if (oldest == claims_.end() && !counted) return released(0);
  const Version before = version_;
  Event& told = event(What::released, given.holder);
  if (oldest != claims_.end() && (!counted || oldest->token < block->second.oldest)) {
    told.claim = oldest->name;
    told.token = oldest->token;
    end(oldest, before, End::released);
  } else {
    told.token = block->second.oldest;
    if (--block->second.count == 0) end(block);
  }
  settle();
  return released(1);
}

// In one event. `holder` empty: whoever holds.
Outcome Model::end_all(What what, const std::string& holder, End how, const std::string& reason) {
  const Version before = version_;
  Event& told = event(what, holder);
  told.reason = reason;
  told.token = version_;
  told.count = 0;
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    const auto next = std::next(block);
    if (holder.empty() || block->first == holder) {
      told.count += block->second.count;
      told.token = std::min(told.token, block->second.oldest);
      end(block);
    }
    block = next;
  }
  for (auto claim = claims_.begin(); claim != claims_.end();) {
    if (!holder.empty() && claim->holder != holder) {
      ++claim;
      continue;
    }
    told.count += 1;
    told.token = std::min(told.token, claim->token);
    claim = end(claim, before, how);
  }
  const std::uint64_t count = told.count;
  settle();
  return released(count);
}

Outcome Model::release_named(const Release& given) {
  const Version before = version_;
  const auto claim = find_claim(given.claim);
  if (claim != claims_.end()) {
    if (key_ != given.key) return NotYours{version_, holds()};
    event(What::released, claim->holder, given.claim).token = claim->token;
    end(claim, before, End::released);
    settle();
    return released(1);
  }
  const auto place = find_place(given.claim);
  if (place != waiters_.end() && place->key != given.key) return NotYours{version_, holds()};
  const auto ended = place == waiters_.end() ? how_it_ended(given.claim) : std::nullopt;
  event(What::withdrawn, place != waiters_.end() ? place->holder : given.holder, given.claim);
  leave_or_close(place, given.claim, before);
  settle();
  Released result = released(0);
  result.withdrawn = true;
  result.ended = ended;
  return result;
}

Outcome Model::withdraw(const Release& given) {
  const auto claim = find_claim(given.claim);
  const auto place = find_place(given.claim);
  const bool own_claim = claim != claims_.end() && claim->request == given.request;
  const bool own_place = place != waiters_.end() && place->request == given.request;
  if (own_claim && key_ != given.key) return NotYours{version_, holds()};
  if (own_place && place->key != given.key) return NotYours{version_, holds()};
  if (own_claim) {
    const Version up_to = std::max(claim->begun, given.begun ? began(given.begun) : claim->begun);
    event(What::withdrawn, claim->holder, given.claim).token = claim->token;
    end(claim, up_to, End::released);
    settle();
    return released(1);
  }
  Version up_to = began(given.begun);
  if (own_place) up_to = std::max(place->begun, given.begun ? up_to : place->begun);
  const auto ended = own_place ? std::nullopt : how_it_ended(given.claim);
  const auto closed = closed_.find(given.claim);
  if (own_place || closed == closed_.end() || closed->second.up_to < up_to) {
    event(What::withdrawn, own_place ? place->holder : given.holder, given.claim);
    leave_or_close(own_place ? place : waiters_.end(), given.claim, up_to);
    settle();
  }
  Released result = released(0);
  result.withdrawn = true;
  result.ended = ended;
  return result;
}

// A place that is left closes its name, and so does what comes before its request.
void Model::leave_or_close(Waiters::iterator place, const std::string& name, Version up_to) {
  if (place == waiters_.end()) return close(name, up_to, std::nullopt);
  waiters_.erase(place);
  ++rows_;
  close(name, up_to, End::released);
}

Outcome Model::force(const ForceRelease& force) {
  return held() ? end_all(What::forced, "", End::forced, force.reason) : released(0);
}

// ---- leases

Outcome Model::renew(const Renew& renew) {
  const auto claim = std::find_if(claims_.begin(), claims_.end(), [&](const Claim& one) {
    return one.name == renew.claim && (!renew.claim.empty() || one.token == renew.token) && !one.offered;
  });
  if (claim == claims_.end()) return gone(Gone::Why::ended, renew.claim);
  if (key_ != renew.key) return NotYours{version_, holds()};
  if (renew.token && claim->token != *renew.token) return gone(Gone::Why::superseded, "");
  if (claim->ttl) {
    event(What::renewed, claim->holder, claim->name).token = claim->token;
    claim->renewed = version_;
    ++rows_;
    if (renew.ttl) claim->ttl = std::max(*claim->ttl, *renew.ttl);
  }
  const Claim renewed = *claim;
  if (renewed.ttl) settle();
  return Renewed{version_, renewed.token, renewed.ttl, renewed.max_hold};
}

Outcome Model::lapse(const Lapse& lapse) {
  if (lapse.kind == RowKind::waiter) {
    const auto place =
        std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& one) { return id(one).id == lapse.id; });
    if (place == waiters_.end() || place->renewed != lapse.mark) return Noted{version_, false};
    event(What::lapsed, place->holder, place->name);
    waiters_.erase(place);  // its name is not closed: the waiter may come back and queue anew
    ++rows_;
    settle();
    return Noted{version_, true};
  }
  const auto claim =
      std::find_if(claims_.begin(), claims_.end(), [&](const Claim& one) { return id(one).id == lapse.id; });
  if (claim == claims_.end()) return Noted{version_, false};
  const bool runs = lapse.max_hold ? claim->max_hold && !claim->offered : claim->ttl || claim->offered;
  if (!runs || lapse.mark != (lapse.max_hold ? claim->granted : claim->renewed)) return Noted{version_, false};
  const Version before = version_;
  if (claim->offered) {
    event(What::offer_lapsed, claim->holder, claim->name).token = claim->token;
    claims_.erase(claim);  // nor here
    ++rows_;
  } else {
    Event& told = event(What::lapsed, claim->holder, claim->name);
    told.token = claim->token;
    if (lapse.max_hold) told.reason = "max_hold";
    end(claim, before, End::lapsed);
  }
  settle();
  return Noted{version_, true};
}

Outcome Model::give_back(const GiveBack& given) {
  const auto claim = find_claim(given.claim);
  if (claim == claims_.end() || claim->request != given.request || claim->token != given.token || claim->offered)
    return Noted{version_, false};
  if (committed_ && claim->renewed != claim->token) return Noted{version_, false};
  event(What::offered, claim->holder, claim->name).token = claim->token;
  claim->offered = terms_.grace;
  claim->renewed = version_;
  ++rows_;
  settle();
  return Noted{version_, true};
}

Outcome Model::keep_place(const KeepPlace& keep) {
  const auto place =
      std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& one) { return id(one).id == keep.id; });
  if (place == waiters_.end()) return Noted{version_, false};
  event(What::renewed, place->holder, place->name);
  place->renewed = version_;
  ++rows_;
  settle();
  return Noted{version_, true};
}

// ---- what follows every change

void Model::settle() {
  for (std::size_t grants = 0; grants < commit_grants; ++grants) {
    if (grants != 0 && rows_ + 2 > commit_rows) break;
    if (!grant_next()) break;
    rows_ += 2;
  }
  forget_closed();
  if (!held()) key_.clear();
}

// The first of the queue that need not wait: its head, when the lock is free or held with its key; or one that
// waits for nobody but itself.
Model::Waiters::iterator Model::next_in_turn() {
  if (claims_.size() >= limits_.claim_rows) return waiters_.end();
  return std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& one) {
    if (!held()) return true;
    return one.key == key_ && (one.place == waiters_.front().place || holds(one.holder));
  });
}

bool Model::grant_next() {
  const auto next = next_in_turn();
  if (next == waiters_.end()) return false;
  const Waiter waiter = *next;
  waiters_.erase(next);
  const bool there = polls_ != nullptr && !waiter.name.empty() && polls_->open(waiter.name, waiter.request);
  Event& told = event(there ? What::granted : What::offered, waiter.holder, waiter.name);
  told.token = version_;
  told.by = waiter.by;
  told.door = waiter.door;
  key_ = waiter.key;
  Claim claim;
  claim.name = waiter.name;
  claim.holder = waiter.holder;
  claim.token = claim.renewed = claim.granted = version_;
  claim.since = now_;
  claim.request = waiter.request;
  claim.begun = waiter.begun;
  claim.metadata = waiter.metadata;
  claim.by = waiter.by;
  claim.ttl = waiter.ttl;
  claim.max_hold = waiter.max_hold;
  if (!there) claim.offered = waiter.grace;
  claims_.push_back(claim);
  return true;
}

Event& Model::event(What what, const std::string& holder, const std::string& claim) {
  Event event;
  event.version = ++version_;
  event.at = changed_ = now_;
  event.what = what;
  event.holder = holder;
  event.claim = claim;
  event.by = caller_.by;
  event.door = caller_.door;
  return events_.emplace_back(std::move(event));
}

void Model::new_token(What what, const std::string& holder, const std::string& claim) {
  Event& told = event(what, holder, claim);
  told.token = told.version;
}

Model::Claims::iterator Model::end(Claims::iterator claim, Version up_to, End how) {
  if (!claim->offered) held_since(claim->since);
  if (!claim->name.empty()) close(claim->name, up_to, how);
  ++rows_;
  return claims_.erase(claim);
}

void Model::end(Blocks::iterator block) {
  held_since(block->second.since);
  blocks_.erase(block);
}

void Model::close(const std::string& name, Version up_to, std::optional<End> how) {
  const auto [at, fresh] = closed_.try_emplace(name, Closed{up_to, now_, how.value_or(End::released)});
  const bool further = at->second.up_to < up_to;
  if (fresh || further || (how && *how != at->second.end)) ++rows_;
  if (how) at->second.end = *how;
  if (further) {
    at->second.up_to = up_to;
    at->second.at = now_;
  }
}

void Model::held_since(WallTime since) {
  const milliseconds held = std::max(now_ - since, milliseconds(0));
  mean_hold_ = mean_hold_.count() == 0 ? held : (3 * mean_hold_ + held) / 4;
}

void Model::forget_closed() {
  const auto forget = [&](auto at) {
    forgotten_ = std::max(forgotten_, at->second.up_to + 1);
    return closed_.erase(at);
  };
  for (auto at = closed_.begin(); at != closed_.end();) {
    at = now_ - at->second.at > limits_.closed_for ? forget(at) : std::next(at);
  }
  while (closed_.size() > limits_.closed_names) {
    forget(std::min_element(closed_.begin(), closed_.end(), [](const auto& one, const auto& other) {
      return std::tie(one.second.up_to, one.first) < std::tie(other.second.up_to, other.first);
    }));
  }
}

// ---- reading

bool Model::holds(const std::string& holder) const {
  return locks::count(record(), holder) != 0;
}

bool Model::may_enter(const std::string& key, const std::string& holder) const {
  if (!held()) return true;
  return key == key_ && (waiters_.empty() || holds(holder));
}

Model::Claims::iterator Model::find_claim(const std::string& name) {
  return std::find_if(claims_.begin(), claims_.end(), [&](const Claim& one) { return one.name == name; });
}

Model::Waiters::iterator Model::find_place(const std::string& name) {
  return std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& one) { return one.name == name; });
}

Model::Waiters::iterator Model::find_place(const std::string& key, const std::string& holder) {
  return std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& one) {
    return one.name.empty() && one.key == key && one.holder == holder;
  });
}

Version Model::began(const std::optional<Version>& begun) const {
  return std::min(begun.value_or(version_), version_);
}

std::optional<End> Model::how_it_ended(const std::string& name) const {
  const auto closed = closed_.find(name);
  return closed == closed_.end() ? std::nullopt : std::optional<End>(closed->second.end);
}

std::vector<Hold> Model::holds() const {
  return locks::holds(record());
}

Granted Model::granted(const Claim& claim) const {
  Granted result;
  result.version = version_;
  result.token = claim.token;
  result.since = claim.since;
  result.count = locks::count(record(), claim.holder);
  result.ttl = claim.ttl;
  result.max_hold = claim.max_hold;
  if (!claim.name.empty() && result.count > 1) result.others.push_back({claim.holder, result.count - 1, {}, {}});
  return result;
}

Released Model::released(std::uint64_t count) const {
  Released result;
  result.version = version_;
  result.released = count;
  result.holds = holds();
  return result;
}

Outcome Model::gone(Gone::Why why, const std::string& name) const {
  return Gone{version_, why, holds(), how_it_ended(name)};
}

Queued Model::queued(Waiters::const_iterator place) const {
  Queued result;
  result.version = version_;
  result.place = id(*place);
  result.position = static_cast<std::size_t>(place - waiters_.cbegin()) + 1;
  result.waiters = waiters_.size();
  result.since = place->since;
  for (auto ahead = waiters_.cbegin(); ahead != place && result.ahead.size() < 10; ++ahead) {
    result.ahead.push_back({ahead->holder, ahead->since});
  }
  result.holds = holds();
  if (mean_hold_.count() == 0) return result;

  // Who holds now has a rest to hold; each group that shares a key and is before the waiter's own holds as long as
  // was usual of late.
  WallTime oldest = now_;
  for (const Hold& hold : result.holds) oldest = std::min(oldest, hold.since);
  milliseconds wait = std::max(mean_hold_ - (now_ - oldest), milliseconds(0));
  for (auto one = waiters_.cbegin(); one != place; ++one) {
    const bool last_of_its_group = std::next(one)->key != one->key;
    const bool with_the_holders = one->key == key_ && std::all_of(waiters_.cbegin(), one, [&](const Waiter& other) {
                                    return other.key == key_;
                                  });
    if (last_of_its_group && !with_the_holders) wait += mean_hold_;
  }
  result.estimate = wait;
  return result;
}

Record Model::record() const {
  Record record;
  record.head = {version_, forgotten_, key_, {}, changed_, 0, mean_hold_};
  for (const auto& [holder, block] : blocks_) record.head.tallies.push_back(block);
  record.claims.assign(claims_.begin(), claims_.end());
  record.waiters.assign(waiters_.begin(), waiters_.end());
  record.head.timed = waiters_.size();
  for (const Claim& claim : claims_) record.head.timed += claim.ttl || claim.max_hold || claim.offered ? 1 : 0;
  for (const auto& [name, closed] : closed_) record.closed.push_back({name, closed.up_to, closed.at, closed.end});
  std::stable_sort(record.closed.begin(), record.closed.end(),
                   [](const auto& one, const auto& other) { return one.up_to < other.up_to; });
  return record;
}

}  // namespace lockkeeper::test
