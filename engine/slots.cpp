#include "engine/slots.h"

namespace lockkeeper::engine {

Slot& Slots::use(const std::string& lock) {
  const auto [at, made] = slots_.try_emplace(lock);
  Slot& slot = at->second;
  if (made) slot.lock = &at->first;
  if (slot.resting) unlink(slot);
  return slot;
}

void Slots::rest(Slot& slot) {
  if (slot.resting) return;
  if (slot.watched) {
    if (!slot.watched->idle()) return;
    slot.watched.reset();
  }
  if (!slot.known) {
    slots_.erase(slots_.find(*slot.lock));
    return;
  }
  slot.older = newest_;
  slot.newer = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer) = &slot;
  newest_ = &slot;
  slot.resting = true;
  while (slots_.size() > capacity_ && oldest_ != nullptr) forget(*oldest_);
}

Slot* Slots::find(const std::string& lock) {
  const auto at = slots_.find(lock);
  return at != slots_.end() ? &at->second : nullptr;
}

void Slots::forget(Slot& slot) {
  unlink(slot);
  slots_.erase(slots_.find(*slot.lock));
}

void Slots::forget_idle() {
  while (oldest_ != nullptr) forget(*oldest_);
}

void Slots::unlink(Slot& slot) {
  (slot.older == nullptr ? oldest_ : slot.older->newer) = slot.newer;
  (slot.newer == nullptr ? newest_ : slot.newer->older) = slot.older;
  slot.older = slot.newer = nullptr;
  slot.resting = false;
}

}  // namespace lockkeeper::engine
