// Where leases are that are known by their name alone.
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

// Not in one expression: the question is both read and replaced.
void ask_of(Call& call, const std::string& lock) {
  auto& renewal = std::get<RenewLease>(call.question);
  locks::Command command{lock, std::move(renewal.caller), std::move(renewal.renew)};
  call.question = std::move(command);
}

}  // namespace

const std::string* Engine::State::lock_of_lease(const std::string& claim) const {
  const auto at = leases_.lower_bound({claim, 0});
  return at != leases_.end() && at->first.first == claim ? &at->second : nullptr;
}

bool Engine::State::find_lease(Call& call) {
  const std::string& claim = std::get<RenewLease>(call.question).renew.claim;
  if (const std::string* lock = lock_of_lease(claim)) {
    ask_of(call, *lock);
    return true;
  }
  if (!exclusive_ && !store_.ready()) {
    answer(call, locks::Unavailable{"the store does not answer"});  // not when the next pass has found that out
  } else if (!exclusive_) {  // another server may have granted it a moment ago
    sought_.try_emplace(claim);
    seekers_.push_back({&call, pass_ + 1});
    want_pass();
  } else if (all_found_ && unread_.empty()) {
    answer(call, locks::Gone{0, locks::Gone::Why::ended, {}, {}});
  } else {
    answer(call, locks::Unavailable{"leases of an earlier run are still being read"});
  }
  return false;
}

void Engine::State::seek(const NamedRecord& found) {
  for (const locks::Claim& claim : found.record.claims) {
    if (claim.name.empty() || !claim.ttl) continue;
    const auto sought = sought_.find(claim.name);
    if (sought != sought_.end() && sought->second.empty()) sought->second = found.lock;
  }
}

// A pass is through: those who came before it began are told what it found.
void Engine::State::answer_seekers() {
  while (!seekers_.empty() && seekers_.front().pass <= pass_) {
    Call& call = *seekers_.front().call;
    seekers_.pop_front();
    const std::string& claim = std::get<RenewLease>(call.question).renew.claim;
    const std::string* lock = lock_of_lease(claim);
    if (lock == nullptr) lock = &sought_.at(claim);
    if (lock->empty()) {
      answer(call, locks::Gone{0, locks::Gone::Why::ended, {}, {}});
    } else {
      ask_of(call, std::string(*lock));
      line_up(call);
    }
  }
  if (seekers_.empty()) sought_.clear();
}

void Engine::State::refuse_seekers(const std::string& why) {
  for (const Seeker& seeker : std::exchange(seekers_, {})) answer(*seeker.call, locks::Unavailable{why});
  sought_.clear();
}

void Engine::State::lease_is_at(const Slot& slot, const TimerId& id, Timer& timer) {
  if (id.kind != locks::RowKind::claim || id.max_hold || id.row.starts_with('#')) return;
  timer.lease = ++lease_numbers_;
  leases_.emplace(std::pair(id.row, timer.lease), *slot.lock);
}

void Engine::State::lease_is_not(const TimerId& id, const Timer& timer) {
  if (timer.lease != 0) leases_.erase({id.row, timer.lease});
}

}  // namespace lockkeeper::engine
