// What the store gives back, and what it does not give back in time.
#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

constexpr std::uint8_t kConflicts = 16;  // in a row; then the callers are told

// A scan or a history read has either its own answer or a fault.
std::string why(const Operation& operation) {
  const auto* failed = std::get_if<Failed>(&operation.answer);
  return failed != nullptr ? failed->why : "the store gave no answer";
}

}  // namespace

// Everything that is not back by its deadline. It still comes back; until then nothing new is begun.
bool Engine::State::give_up_overdue() {
  bool any = false;
  for (Work* work = flights_.oldest(); work != nullptr && now_ - work->begun >= settings_.deadline;
       work = flights_.oldest()) {
    any = true;
    flights_.remove(*work);
    work->overdue = true;
    ++overdue_;
    add(shown_.failures, 1);
    const bool commit = std::holds_alternative<Commit>(work->operation.question);
    if (commit) not_told(*work->slot, work->calls);
    refuse(std::exchange(work->calls, {}), "the store does not answer", commit);
    if (work->slot == nullptr) continue;
    refuse(unsettled_polls(*work->slot), "the store does not answer", commit);
    refuse_line(*work->slot, "the store does not answer");
    forget_record(*work->slot);
  }
  if (any) refuse_seekers("the store does not answer");
  return any;
}

void Engine::State::returned(Work& work) {
  if (work.overdue) {
    --overdue_;
  } else {
    flights_.remove(work);
    if (std::holds_alternative<Failed>(work.operation.answer)) add(shown_.failures, 1);
  }
  const auto& question = work.operation.question;
  if (Slot* slot = work.slot) {
    slot->work = nullptr;
    const bool through = change_returned(work, *slot);
    if (slot->work == nullptr) {
      settle_told(*slot);
      need_turn(*slot);
    }
    if (!through) return;
  } else if (std::holds_alternative<FindFree>(question)) {
    found_free(work.operation);
  } else if (std::holds_alternative<TrimHistory>(question)) {
    trimmed(work.operation);
  } else if (work.census) {
    census_returned(work);
  } else if (work.chore) {
    if (std::get<Scan>(question).timed_only) {
      found_timed(work);
    } else {
      found_standing(work.operation);
    }
  } else if (std::holds_alternative<Scan>(question)) {
    scan_returned(work);
  } else if (!work.unheard.empty()) {
    told_whose(work);
  } else {
    history_returned(work);
  }
  pool_.give_back(work);
}

// Of a lock: a commit, a prune, a read. False: the work goes on.
bool Engine::State::change_returned(Work& work, Slot& slot) {
  const auto& question = work.operation.question;
  if (work.of != nullptr) {
    Work& commit = *work.of;
    if (history_says(work)) pool_.give_back(commit);
    return true;
  }
  if (std::holds_alternative<Commit>(question)) {
    if (!work.overdue && !work.given_up) return commit_returned(work, slot);
    if (std::holds_alternative<Committed>(work.operation.answer)) {
      count_commit(work, slot);
    } else {
      count_anew();
    }
    commit_given_up(slot);
    return true;
  }
  if (const auto* prune = std::get_if<Prune>(&question)) floor_ = std::max(floor_, prune->expected);
  if (work.overdue || std::holds_alternative<Prune>(question)) {
    forget_record(slot);  // read again before it is decided on
  } else {
    read_returned(work, slot);
  }
  return true;
}

bool Engine::State::commit_returned(Work& work, Slot& slot) {
  const auto* failed = std::get_if<Failed>(&work.operation.answer);
  if (work.unknown != 0 || (failed != nullptr && failed->kind == Failed::Kind::unknown)) {
    if (failed != nullptr) {
      try_again(work);
      return false;
    }
    if (std::holds_alternative<Conflict>(work.operation.answer)) {
      ask_history(work);
      return false;
    }
    resolved(work);
  }
  if (auto* conflict = std::get_if<Conflict>(&work.operation.answer)) {
    conflicted(work, slot, std::move(*conflict));
  } else if (failed != nullptr) {
    not_told(slot, work.calls);
    refuse(unsettled_polls(slot), why(work.operation));
    forget_record(slot);
    refuse(std::exchange(work.calls, {}), why(work.operation));
  } else {
    committed(work, slot);
  }
  return true;
}

void Engine::State::committed(Work& work, Slot& slot) {
  slot.exists = true;
  slot.conflicts = 0;
  add(shown_.commits, 1);
  add(shown_.lapses, work.lapses);
  const locks::Change& change = std::get<Commit>(work.operation.question).change;
  untrimmed_ += change.events.size();
  count_commit(work, slot);
  if (!change.rows.empty()) {
    watch_change(slot, change);
    settle_polls(slot);
  }
  while (!work.calls.empty()) answer(work.calls.pop_front());
}

void Engine::State::conflicted(Work& work, Slot& slot, Conflict conflict) {
  add(shown_.conflicts, 1);
  not_told(slot, work.calls);
  Calls again = std::exchange(work.calls, {});
  Calls polls = unsettled_polls(slot);
  while (!polls.empty()) again.push_back(polls.pop_front());
  take_record(slot, std::move(conflict.record), conflict.floor);
  if (++slot.conflicts < kConflicts) return slot.line.prepend(std::move(again));
  slot.conflicts = 0;
  refuse(std::move(again), "the lock changes too fast");
}

void Engine::State::read_returned(Work& work, Slot& slot) {
  if (auto* found = std::get_if<Found>(&work.operation.answer)) {
    const std::size_t line = slot.line.size();
    take_record(slot, std::move(found->record), found->floor);
    slot.checked = work.waiting + slot.line.size() - line;  // polls that it woke are before the others
    return;
  }
  refuse_line(slot, why(work.operation));
  forget_record(slot);
}

void Engine::State::scan_returned(Work& work) {
  if (work.calls.empty()) return;  // answered when it was overdue
  auto* scanned = std::get_if<Scanned>(&work.operation.answer);
  if (scanned == nullptr) return refuse(std::exchange(work.calls, {}), why(work.operation));
  Call& call = work.calls.pop_front();
  call.answer = std::move(*scanned);
  answer(call);
}

void Engine::State::history_returned(Work& work) {
  if (work.calls.empty()) return;
  auto* read = std::get_if<HistoryRead>(&work.operation.answer);
  if (read == nullptr) return refuse(std::exchange(work.calls, {}), why(work.operation));
  // A change may have been committed between the version and the events: no event is newer than the version.
  locks::Version version = work.version;
  for (const auto& event : read->events) version = std::max(version, event.version);
  Call& call = work.calls.pop_front();
  call.answer = HistoryPage{version, std::move(read->events), read->oldest, read->more};
  answer(call);
}

void Engine::State::take_record(Slot& slot, std::optional<locks::Record> record, locks::Version floor) {
  slot.exists = record.has_value();
  slot.record = slot.exists ? std::move(*record) : locks::absent(floor);
  slot.known = slot.rest = true;
  slot.look = false;
  if (!unread_.empty()) unread_.erase(*slot.lock);
  floor_ = std::max(floor_, floor);
  watch_record(slot);
  aged(slot);
  wake_changed(slot);
}

void Engine::State::forget_record(Slot& slot) {
  slot.record = {};
  slot.known = slot.exists = slot.to_prune = false;
  slot.conflicts = 0;
  slot.checked = 0;
  try_later(slot);
  // Whether the polls' places still stand is not known before it is read; nor what was to be seen of it.
  if (stopping_) forget_unheard(slot);
  if (slot.watched) slot.watched->unheard_due = false;
  const bool missed = slot.watched && (!slot.watched->polls.by_claim.empty() || !slot.watched->unheard.empty());
  if (std::exchange(slot.look, false) || missed) {
    look_later_.emplace_back(now_ + std::chrono::seconds(1), *slot.lock);
  }
}

// A change that may have happened may have made something that lapses, and nobody else may ask for the lock.
void Engine::State::look_soon(const Slot& slot) {
  look_later_.emplace_front(now_, *slot.lock);
}

}  // namespace lockkeeper::engine
