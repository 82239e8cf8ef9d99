// The pass over all locks on which something can lapse, and all released gates: what an earlier run left, and what
// other servers made. Over an exclusive store there is one; over a shared one it comes again and again.
#include <algorithm>
#include <utility>

#include "engine/state.h"
#include "locks/gate.h"

namespace lockkeeper::engine {

void Engine::State::begin_watching() {
  if (!watching_.due(now_)) return;
  if (watched_to_.empty()) {
    ++pass_;
    gates_.pass_begins();
    for (auto& [claim, lock] : sought_) lock.clear();
  }
  watching_.begin(now_);
  Work& work = pool_.take();
  work.operation.question = Scan{.after = watched_to_, .prefix = {}, .limit = 256, .timed_only = true};
  work.chore = true;
  begin(work);
}

// One that begins from here on, soon, and as often as half of the store's time allows.
void Engine::State::want_pass() {
  if (exclusive_) return;
  wanted_pass_ = pass_ + 1;
  watching_.hasten(now_);
}

void Engine::State::found_timed(Work& work) {
  auto* scanned = std::get_if<Scanned>(&work.operation.answer);
  const bool through = scanned != nullptr && !scanned->more;
  if (scanned != nullptr) {
    for (NamedRecord& found : scanned->locks) found_timed(found);
    watched_to_ = scanned->more ? next_after(*scanned) : "";
  } else {
    refuse_seekers("the store does not answer");
  }
  watching_.done(now_, !through && scanned != nullptr);
  if (through) pass_is_through();
  if (scanned != nullptr && wanted_pass_ > pass_) watching_.hasten(now_);
}

void Engine::State::pass_is_through() {
  all_found_ = true;
  if (exclusive_) return watching_.never();
  // No longer released, or deleted, by others.
  for (const std::string& gate : gates_.not_seen()) look_at(slots_.use(gate));
  // Its place may be gone, and with it all that had a time.
  poll_ends_.each([this](const Poll& poll) {
    if (poll.slot->seen != pass_ && poll.slot->work == nullptr) look_at(*poll.slot);
  });
  answer_seekers();
}

void Engine::State::found_timed(NamedRecord& found) {
  if (!sought_.empty()) seek(found);
  if (locks::is_gate(found.lock)) gates_.seen(found.lock);
  Slot& slot = slots_.use(found.lock);
  slot.seen = pass_;
  const locks::Version version = found.record.head.version;
  if (exclusive_ && !slot.known) {
    // By now it may be older than what was committed since: it only says where to look.
    if (!slot.watched) slot.watched = std::make_unique<Watched>();
    slot.watched->ages = std::move(found.ages);
    slot.watched->aged_version = version;
    slot.look = true;
    if (!all_found_) unread_.insert(found.lock);
  } else if (slot.work != nullptr) {
    if (!exclusive_) is_at(slot, version);
  } else if (!slot.known || version > slot.record.head.version) {
    slot.record = std::move(found.record);
    slot.known = slot.exists = slot.rest = true;
    slot.checked = 0;
    watch_record(slot);
    wake_changed(slot);
  } else if (slot.watched && version == slot.record.head.version) {
    slot.watched->ages = std::move(found.ages);
    slot.watched->aged_version = version;
    aged(slot);
  }
  need_turn(slot);
}

// A restart on the same boot goes on with the remaining time. The rows are as old as the change that wrote them,
// which came back later by its time at the store: at most the deadline, or its outcome would not be known.
void Engine::State::aged(Slot& slot) {
  if (!slot.watched || slot.watched->ages.empty()) return;
  const std::vector<Age> ages = std::exchange(slot.watched->ages, {});
  if (slot.watched->aged_version != slot.record.head.version) return;
  for (const Age& age : ages) {
    if (age.row.kind != locks::RowKind::claim) continue;  // a place counts from its last poll, which ended now
    for (const bool max_hold : {false, true}) {
      const auto at = slot.watched->timers.find(TimerId{age.row.kind, max_hold, age.row.id});
      if (at == slot.watched->timers.end() || at->second.expired) continue;
      Timer& timer = at->second;
      const std::chrono::milliseconds passed = max_hold ? age.made : age.written;
      const LeaseTime left =
          std::clamp<LeaseTime>(timer.span - passed + settings_.deadline, LeaseTime{0}, timer.span);
      watch_.run(slot, timer, std::min(timer.due, lease_clock_.now() + left));
    }
  }
}

}  // namespace lockkeeper::engine
