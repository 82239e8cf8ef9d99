// Commits of which the store does not know whether they were written. They are begun again, the same change under
// the same version, until one of them is; or until a newer version shows, and then the history line behind the
// expected version says whose change it was. Meanwhile nothing else is begun on their lock.
#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{250};
constexpr const char* kWhy = "it is not known whether it was written";

enum class Written : std::uint8_t { yes, no, not_known };

// `read` is what follows the version that the change expected.
Written written(const locks::Change& change, const HistoryRead& read) {
  if (read.events.empty() || read.events.front().version != change.expected + 1) {
    return Written::not_known;  // trimmed, or the lock was pruned and begins above another floor
  }
  return read.events.front().change == change.events.front().change ? Written::yes : Written::no;
}

}  // namespace

void Engine::State::try_again(Work& work) {
  work.slot->work = &work;
  if (work.unknown == 0) {
    work.unknown = ++unknowns_;
    unknown_.emplace(std::pair(work.first + settings_.deadline, work.unknown), &work);
  }
  work.pause = work.pause.count() == 0 ? kFirstPause : std::min(2 * work.pause, kLongestPause);
  work.again = now_ + work.pause;
  again_.emplace(std::pair(work.again, work.unknown), &work);
}

bool Engine::State::begin_again() {
  bool any = false;
  while (overdue_ == 0 && !again_.empty() && again_.begin()->first.first <= now_) {
    Work& work = *again_.begin()->second;
    again_.erase(again_.begin());
    work.operation.answer.emplace<std::monostate>();
    begin(work);
    any = true;
  }
  return any;
}

// A commit that was unknown before met a newer version, perhaps its own.
void Engine::State::ask_history(Work& commit) {
  commit.slot->work = &commit;
  Work& work = pool_.take();
  const auto& [lock, change] = std::get<Commit>(commit.operation.question);
  work.operation.question = ReadHistory{.lock = lock, .after = change.expected, .limit = 1};
  work.slot = commit.slot;
  work.of = &commit;
  begin(work);
}

// True: the commit is through.
bool Engine::State::history_says(Work& work) {
  Work& commit = *work.of;
  Slot& slot = *commit.slot;
  slot.work = &commit;
  if (commit.given_up) {
    commit_given_up(slot);
    return true;
  }
  const auto* read = std::get_if<HistoryRead>(&work.operation.answer);
  if (read == nullptr) {
    try_again(commit);  // it meets the same, or what is there by then
    return false;
  }
  resolved(commit);
  slot.work = nullptr;
  Conflict there = std::move(std::get<Conflict>(commit.operation.answer));
  switch (written(std::get<Commit>(commit.operation.question).change, *read)) {
    case Written::yes:
      committed(commit, slot);
      take_record(slot, std::move(there.record), there.floor);
      return true;
    case Written::no:
      conflicted(commit, slot, std::move(there));
      return true;
    case Written::not_known:
      refuse_unknown(commit, slot);
      commit_given_up(slot);
      return true;
  }
  return true;
}

// Its callers have waited for long enough.
bool Engine::State::give_up_unknown() {
  bool any = false;
  while (!unknown_.empty() && unknown_.begin()->first.first <= now_) {
    any = true;
    Work& work = *unknown_.begin()->second;
    Slot& slot = *work.slot;
    resolved(work);
    refuse_unknown(work, slot);
    if (again_.erase({work.again, work.unknown}) == 0) {  // it is at the store
      work.given_up = true;
      refuse_line(slot, "the store does not answer");
      forget_record(slot);
      continue;
    }
    commit_given_up(slot);
    settle_told(slot);
    need_turn(slot);
    pool_.give_back(work);
  }
  return any;
}

void Engine::State::refuse_unknown(Work& work, Slot& slot) {
  not_told(slot, work.calls);
  refuse(unsettled_polls(slot), kWhy, true);
  refuse(std::exchange(work.calls, {}), kWhy, true);
}

// The lock is read before it is decided on.
void Engine::State::commit_given_up(Slot& slot) {
  slot.work = nullptr;
  forget_record(slot);
  look_soon(slot);
}

void Engine::State::resolved(Work& work) {
  if (work.unknown == 0) return;
  unknown_.erase({work.first + settings_.deadline, work.unknown});
  count_anew();  // a count under way may have met it already
}

}  // namespace lockkeeper::engine
