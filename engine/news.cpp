// What other servers did, as a store that watches tells it (docs/decisions/0008). News only says where to look: a
// record comes from reads, commits and scans alone.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "engine/state.h"
#include "locks/gate.h"

namespace lockkeeper::engine {
namespace {

constexpr locks::Version kUnknown = std::numeric_limits<locks::Version>::max();

}  // namespace

void Engine::State::changed(std::vector<Changed> locks) noexcept {
  if (locks.empty()) return;
  news_.push(new News{std::move(locks)});
  sleeper_.wake();
}

void Engine::State::missed() noexcept {
  news_.push(new News{.locks = {}, .missed = true});
  sleeper_.wake();
}

bool Engine::State::take_news() {
  News* chain = news_.take();
  const bool any = chain != nullptr;
  while (chain != nullptr) {
    const std::unique_ptr<News> news(chain);
    chain = news->next;
    if (news->missed) look_around();
    for (const auto& [lock, version] : news->locks) heard_of(lock, version == 0 ? kUnknown : version);
  }
  return any;
}

// What nobody here waits for or counts is read when it is asked for. A gate may have been released, though.
void Engine::State::heard_of(const std::string& lock, locks::Version version) {
  Slot* slot = slots_.find(lock);
  if (slot == nullptr && locks::is_gate(lock)) slot = &slots_.use(lock);
  if (slot != nullptr) is_at(*slot, version);
}

// The lock is at that version or a newer one.
void Engine::State::is_at(Slot& slot, locks::Version version) {
  if (slot.work != nullptr) {
    slot.told = std::max(slot.told, version);
  } else if (slot.known && slot.record.head.version >= version) {
    return;  // a change of this server's own, mostly
  } else if (slot.watched || locks::is_gate(*slot.lock)) {
    look_at(slot);
  } else if (slot.resting) {
    slots_.forget(slot);
  } else {
    slot.known = false;  // it has its turn in this step
  }
}

// Its work is back: whether that knows what was told meanwhile.
void Engine::State::settle_told(Slot& slot) {
  const locks::Version told = std::exchange(slot.told, 0);
  if (told != 0) is_at(slot, told);
}

void Engine::State::look_at(Slot& slot) {
  if (slot.work != nullptr) {
    slot.told = kUnknown;
    return;
  }
  if (std::exchange(slot.look, true)) return;
  if (overdue_ == 0) return need_turn(slot);
  look_soon(slot);  // when the store answers
}

// Any lock may have changed. What has a time that runs is found by the pass.
void Engine::State::look_around() {
  want_pass();
  slots_.forget_idle();
  slots_.each([this](Slot& slot) {
    const bool waited_for = slot.watched && !slot.watched->polls.by_claim.empty();
    if (slot.work != nullptr || waited_for) look_at(slot);
  });
}

}  // namespace lockkeeper::engine
