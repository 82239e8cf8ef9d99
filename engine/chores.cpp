// The background: old history and long-free locks are forgotten, in slices, when there is little else to do.
#include <algorithm>
#include <chrono>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

constexpr std::size_t kQuiet = 8;              // so many operations under way are no reason to put a slice off
constexpr std::uint64_t kUntrimmed = 100'000;  // nor is any load, when history has grown by so much meanwhile
constexpr std::size_t kTrimSlice = 1000;       // events
constexpr std::size_t kPruneSlice = 256;       // locks

}  // namespace

void Engine::State::begin_chores() {
  if (stopping_ || overdue_ > 0) return;
  const bool quiet = flights_.size() < kQuiet;
  if (trimming_.due(now_) && (quiet || untrimmed_ >= kUntrimmed || !trimming_.begins_pass())) {
    if (trimming_.begins_pass()) untrimmed_ = 0;
    trimming_.begin(now_);
    Work& work = pool_.take();
    work.operation.question = TrimHistory{wall_ - settings_.history_for, settings_.history_per_lock, kTrimSlice};
    begin(work);
  }
  if (pruning_.due(now_) && quiet) {
    pruning_.begin(now_);
    Work& work = pool_.take();
    work.operation.question = FindFree{prune_before(), kPruneSlice};
    begin(work);
  }
}

locks::WallTime Engine::State::prune_before() const {
  return wall_ - std::max<std::chrono::milliseconds>(settings_.free_for, std::chrono::hours(1));
}

void Engine::State::trimmed(const Operation& operation) {
  const auto* answer = std::get_if<Trimmed>(&operation.answer);
  trimming_.done(now_, answer != nullptr && answer->more);
}

void Engine::State::found_free(const Operation& operation) {
  const auto* found = std::get_if<FreeFound>(&operation.answer);
  pruning_.done(now_, false);
  if (found == nullptr || stopping_) return;
  for (const std::string& lock : found->locks) {
    Slot& slot = slots_.use(lock);
    slot.to_prune = true;  // a turn with calls in the line takes this back
    need_turn(slot);
  }
}

// Until the next thing that does not announce itself.
std::chrono::nanoseconds Engine::State::nap() const {
  const SteadyTime now = clock_.steady();
  SteadyTime until;
  if (const Work* oldest = flights_.oldest()) {
    until = oldest->begun + settings_.deadline;
  } else if (stopping_ || overdue_ > 0) {
    until = now + Chore::kPause;  // what is overdue announces itself
  } else {
    until = std::min(trimming_.due_at(), pruning_.due_at());
  }
  return std::max<std::chrono::nanoseconds>(until - now, std::chrono::milliseconds(1));
}

}  // namespace lockkeeper::engine
