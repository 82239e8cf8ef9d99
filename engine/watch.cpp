#include "engine/watch.h"

namespace lockkeeper::engine {

void Watch::run(Slot& slot, Timer& timer, LeaseTime due) {
  stop(timer);
  timer.expired = false;
  timer.due = due;
  timer.number = ++numbers_;
  due_.insert({due, timer.number, &slot, &timer});
}

void Watch::stop(Timer& timer) {
  if (timer.number != 0) due_.erase({timer.due, timer.number, nullptr, nullptr});
  timer.number = 0;
}

Slot* Watch::expire(LeaseTime now) {
  if (due_.empty() || due_.begin()->due > now) return nullptr;
  const Due first = *due_.begin();
  due_.erase(due_.begin());
  first.timer->number = 0;
  first.timer->expired = true;
  return first.slot;
}

}  // namespace lockkeeper::engine
