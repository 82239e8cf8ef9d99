// Whose time is over.
#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

using std::chrono::milliseconds;

// After a failure, so that a store that fails fast is not asked without a pause.
constexpr std::chrono::seconds kTryLater{1};

bool poll_open(const Watched& watched, const std::string& claim) {
  return watched.polls.by_claim.contains(claim);
}

locks::Command of_the_server(const std::string& lock, decltype(locks::Command::what) what) {
  return {lock, {"", "server"}, std::move(what)};
}

}  // namespace

bool Engine::State::expire() {
  if (overdue_ > 0) return false;  // nothing is begun until the store answers
  bool any = false;
  while (Slot* slot = watch_.expire(lease_clock_.now())) {
    ++slot->watched->expired;
    need_turn(*slot);
    any = true;
  }
  return any;
}

// After the commands that were there already.
void Engine::State::decide_lapses(Slot& slot, Work*& commit, const locks::Circumstances& around) {
  if (!slot.watched || slot.watched->expired == 0) return;
  for (auto at = slot.watched->timers.begin(); at != slot.watched->timers.end();) {
    auto& [id, timer] = *at++;
    if (!timer.expired) continue;
    const bool place = id.kind == locks::RowKind::waiter;
    const bool open = place && poll_open(*slot.watched, id.row);
    if (open && exclusive_) {  // nobody else counts its time
      --slot.watched->expired;
      watch_.run(slot, timer, lease_clock_.now() + timer.span);
      continue;
    }
    if (place && !open && lease_clock_.now() < timer.since + LeaseTime(timer.span)) {
      // It ran to the third of an open poll, and that poll has ended.
      --slot.watched->expired;
      watch_.run(slot, timer, timer.since + timer.span);
      continue;
    }
    locks::Command command =
        open ? of_the_server(*slot.lock, locks::KeepPlace{id.row})
             : of_the_server(*slot.lock, locks::Lapse{id.kind, id.row, timer.mark, id.max_hold});
    locks::Decision decision = locks::decide(slot.record, command, around);
    if (!decision.change) {  // ended or renewed by a command of this turn: the timer goes with its commit
      if (commit != nullptr) continue;
      --slot.watched->expired;
      watch_.run(slot, timer, lease_clock_.now() + kTryLater);
      continue;
    }
    if (!add_if_fits(commit, slot, std::move(*decision.change))) return;  // a turn comes when this one is back
    if (!open) ++commit->lapses;
    if (!slot.line.empty()) return;  // woken by it: they are decided first
  }
}

// Somebody asked for this place, and goes on waiting.
void Engine::State::polled(Slot& slot, const locks::RowId& place, Work*& commit,
                           const locks::Circumstances& around) {
  if (!slot.watched || poll_open(*slot.watched, place.id)) return;  // an open poll keeps it
  const auto at = slot.watched->timers.find(TimerId{place.kind, false, place.id});
  if (at == slot.watched->timers.end()) return;
  if (std::exchange(at->second.expired, false)) --slot.watched->expired;
  Timer& timer = at->second;
  const LeaseTime now = lease_clock_.now();
  if (exclusive_) {
    timer.since = now;
    return watch_.run(slot, timer, now + timer.span);
  }
  watch_.run(slot, timer, timer.since + timer.span);
  if (now - timer.since < timer.span / 3) return;
  auto decision = locks::decide(slot.record, of_the_server(*slot.lock, locks::KeepPlace{place.id}), around);
  if (decision.change) add_if_fits(commit, slot, std::move(*decision.change));
}

// `change` was committed: the time of what it put begins now, what it took away has none any more.
void Engine::State::watch_change(Slot& slot, const locks::Change& change) {
  for (const locks::RowOperation& operation : change.rows) {
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      if (gone->kind == locks::RowKind::gate) gates_.saw(*slot.lock, nullptr);
      if (gone->kind != locks::RowKind::claim && gone->kind != locks::RowKind::waiter) continue;
      unwatch(slot, {gone->kind, false, gone->id});
      unwatch(slot, {gone->kind, true, gone->id});
      continue;
    }
    const auto& row = std::get<locks::Row>(operation);
    if (const auto* claim = std::get_if<locks::Claim>(&row)) watch_claim(slot, *claim);
    if (const auto* waiter = std::get_if<locks::Waiter>(&row)) watch_place(slot, *waiter);
    if (const auto* gate = std::get_if<locks::Gate>(&row)) gates_.saw(*slot.lock, gate);
  }
}

// The record was read: what is still as it was goes on, the time of the rest begins now.
void Engine::State::watch_record(Slot& slot) {
  const locks::Record& record = slot.record;
  saw_gate(slot);
  if (!slot.watched && record.head.timed == 0) return;
  if (slot.watched) {
    std::set<std::pair<locks::RowKind, std::string>> there;
    for (const locks::Claim& claim : record.claims) there.insert({locks::RowKind::claim, locks::id(claim).id});
    for (const locks::Waiter& waiter : record.waiters) there.insert({locks::RowKind::waiter, locks::id(waiter).id});
    std::vector<TimerId> gone;
    for (const auto& [id, timer] : slot.watched->timers) {
      if (!there.contains({id.kind, id.row})) gone.push_back(id);
    }
    for (const TimerId& id : gone) unwatch(slot, id);
  }
  for (const locks::Claim& claim : record.claims) watch_claim(slot, claim);
  for (const locks::Waiter& waiter : record.waiters) watch_place(slot, waiter);
}

void Engine::State::watch_claim(Slot& slot, const locks::Claim& claim) {
  if (!locks::timed(claim) && !slot.watched) return;
  const std::string row = locks::id(claim).id;
  if (claim.offered || claim.ttl) {
    watch(slot, {locks::RowKind::claim, false, row}, claim.renewed, claim.offered ? *claim.offered : *claim.ttl);
  } else {
    unwatch(slot, {locks::RowKind::claim, false, row});
  }
  if (claim.max_hold && !claim.offered) {
    watch(slot, {locks::RowKind::claim, true, row}, claim.granted, *claim.max_hold);
  } else {
    unwatch(slot, {locks::RowKind::claim, true, row});
  }
}

void Engine::State::watch_place(Slot& slot, const locks::Waiter& waiter) {
  watch(slot, {locks::RowKind::waiter, false, locks::id(waiter).id}, waiter.renewed, waiter.grace);
}

void Engine::State::watch(Slot& slot, TimerId id, locks::Version mark, milliseconds span) {
  if (!slot.watched) slot.watched = std::make_unique<Watched>();
  const auto [at, fresh] = slot.watched->timers.try_emplace(std::move(id));
  Timer& timer = at->second;
  if (fresh) {
    lease_is_at(slot, at->first, timer);
    if (at->first.kind == locks::RowKind::waiter) ++places_;
  }
  if (!fresh && timer.mark == mark && timer.span == span) return;
  if (std::exchange(timer.expired, false)) --slot.watched->expired;
  timer.mark = mark;
  timer.span = span;
  timer.since = lease_clock_.now();
  const bool place = at->first.kind == locks::RowKind::waiter;
  if (place) return place_timer(slot, timer, poll_open(*slot.watched, at->first.row));
  watch_.run(slot, timer, timer.since + span);
}

void Engine::State::unwatch(Slot& slot, const TimerId& id) {
  if (!slot.watched) return;
  const auto at = slot.watched->timers.find(id);
  if (at == slot.watched->timers.end()) return;
  if (at->second.expired) --slot.watched->expired;
  watch_.stop(at->second);
  lease_is_not(id, at->second);
  if (id.kind == locks::RowKind::waiter) --places_;
  slot.watched->timers.erase(at);
}

// A place counts from the end of its last poll. Over a shared store others count it from what is written: an open
// poll writes when a third of the grace has passed.
void Engine::State::place_timer(Slot& slot, Timer& timer, bool open) {
  if (std::exchange(timer.expired, false)) --slot.watched->expired;
  const LeaseTime now = lease_clock_.now();
  if (exclusive_) timer.since = now;
  const LeaseTime span = timer.span;
  watch_.run(slot, timer, std::max(now, timer.since + (open && !exclusive_ ? span / 3 : span)));
}

// A poll for the place of that claim began or ended.
void Engine::State::restart_place(Slot& slot, const std::string& claim, bool open) {
  const auto at = slot.watched->timers.find(TimerId{locks::RowKind::waiter, false, claim});
  if (at != slot.watched->timers.end()) place_timer(slot, at->second, open);
}

// What expired could not be decided.
void Engine::State::try_later(Slot& slot) {
  if (!slot.watched || slot.watched->expired == 0) return;
  for (auto& [id, timer] : slot.watched->timers) {
    if (timer.expired) watch_.run(slot, timer, lease_clock_.now() + kTryLater);
  }
  slot.watched->expired = 0;
}

}  // namespace lockkeeper::engine
