// The background: old history and long-free locks are forgotten, in slices, when there is little else to do.
#include <algorithm>
#include <chrono>
#include <utility>

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
  begin_watching();
  begin_standing();
  const bool quiet = flights_.size() < kQuiet;
  if (quiet) begin_census();
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

// Holds that stand longer than they should.
void Engine::State::begin_standing() {
  if (!standing_.due(now_)) return;
  if (standing_.begins_pass()) standing_now_.clear();
  standing_.begin(now_);
  Work& work = pool_.take();
  work.operation.question = Scan{.after = standing_to_, .prefix = {}, .limit = 256, .held_only = true};
  work.chore = true;
  begin(work);
}

void Engine::State::found_standing(const Operation& operation) {
  const auto* scanned = std::get_if<Scanned>(&operation.answer);
  if (scanned == nullptr) return standing_.done(now_, false);  // the pass goes on where it is when its time comes
  for (const auto& [lock, record, ages] : scanned->locks) {
    const auto after = locks::terms_of(settings_.terms, settings_.terms_by_name, lock).warn_after;
    if (!after) continue;
    for (locks::Hold& hold : locks::holds(record)) {
      const auto stood = wall_ - hold.since;
      if (stood <= *after) continue;
      const auto at = standing_now_.insert({lock, hold.holder, hold.since}).first;
      if (standing_told_.contains(*at) || !settings_.standing_long) continue;
      settings_.standing_long({lock, std::move(hold), stood});
    }
  }
  standing_to_ = scanned->more ? next_after(*scanned) : "";
  standing_.done(now_, scanned->more);
  if (scanned->more) return;
  shown_.standing.store(standing_now_.size(), std::memory_order_relaxed);
  standing_told_.swap(standing_now_);
}

void Engine::State::begin_census() {
  if (!counting_.due(now_)) return;
  counting_.begin(now_);
  Work& work = pool_.take();
  work.operation.question = census_.next_slice();
  work.census = true;
  begin(work);
}

// A tenth of the store's time at most.
void Engine::State::census_returned(Work& work) {
  if (std::exchange(count_anew_, false)) {
    counting_.done(now_, false);
    return count_anew();
  }
  const bool more = census_.counted(std::get_if<Scanned>(&work.operation.answer));
  counting_.done(now_, more);
  if (more) counting_.at_once(now_ + 10 * (now_ - work.begun));
  if (exclusive_ && census_.held()) counting_.never();
}

// Whether a lock is held by now is not known.
void Engine::State::count_anew() {
  if (!exclusive_) return;
  count_anew_ = counting_.under_way();  // that slice is of no use any more
  if (count_anew_) return;
  census_ = Census(exclusive_);
  counting_.at_once(now_);
}

// `slot` has the change applied already.
void Engine::State::count_commit(const Work& work, const Slot& slot) {
  const locks::Change& change = std::get<Commit>(work.operation.question).change;
  census_.committed(*slot.lock, work.was_held, !change.head.key.empty());
  for (const locks::Event& event : change.events) add(shown_.events.at(static_cast<std::size_t>(event.what)), 1);
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  for (const auto waited : change.waited) shown_.waited.add(seconds(waited));
  for (const auto held : change.held) shown_.held_for.add(seconds(held));
  shown_.commit.add(seconds(now_ - work.first));
}

// Until the next thing that does not announce itself.
std::chrono::nanoseconds Engine::State::nap() const {
  const SteadyTime now = clock_.steady();
  SteadyTime until = now + Chore::kPause;
  if (const Work* oldest = flights_.oldest()) {
    until = oldest->begun + settings_.deadline;
  } else if (!stopping_ && overdue_ == 0) {  // what is overdue announces itself
    until = std::min(
        {trimming_.due_at(), pruning_.due_at(), watching_.due_at(), standing_.due_at(), counting_.due_at()});
  }
  if (!unknown_.empty()) until = std::min(until, unknown_.begin()->first.first);
  if (!again_.empty() && overdue_ == 0) until = std::min(until, again_.begin()->first.first);
  if (const Call* call = gates_.first_to_end()) until = std::min(until, call->until);
  if (const Poll* poll = poll_ends_.first()) until = std::min(until, poll->call->until);
  std::chrono::nanoseconds nap = until - now;
  // The lease clock advances a second a turn at most: turns have to come oftener.
  if (!look_later_.empty() && overdue_ == 0)
    nap = std::min<std::chrono::nanoseconds>(nap, look_later_.front().first - now);
  if (!watch_.empty() && overdue_ == 0)
    nap = std::min({nap, watch_.next() - lease_clock_.now(), LeaseTime(LeaseClock::kMost) / 2});
  return std::max<std::chrono::nanoseconds>(nap, std::chrono::milliseconds(1));
}

}  // namespace lockkeeper::engine
