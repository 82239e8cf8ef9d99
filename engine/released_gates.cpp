// Who waits for gates to be released.
#include <algorithm>
#include <utility>

#include "engine/state.h"
#include "locks/gate.h"

namespace lockkeeper::engine {

void Engine::State::read_gates(Call& call) {
  const auto& question = std::get<ReadGates>(call.question);
  GatesRead read = gates_.read(question);
  if (read.gates.empty() && question.wait.count() > 0 && !stopping_ && gates_.waiting() < settings_.waiting) {
    call.until = now_ + std::min(question.wait, settings_.longest_wait);
    --unanswered_;
    return gates_.park(call);
  }
  call.answer = std::move(read);
  answer(call);
}

// Those for whom there is something now, and those whose time is over.
bool Engine::State::end_gate_polls() {
  bool any = false;
  const auto end = [&](Call& call) {
    ++unanswered_;
    call.answer = gates_.read(std::get<ReadGates>(call.question));
    answer(call);
    any = true;
  };
  Calls woken = stopping_ ? gates_.take_all() : gates_.woken();
  while (!woken.empty()) {
    Call& call = woken.pop_front();
    if (stopping_ || !gates_.read(std::get<ReadGates>(call.question)).gates.empty()) {
      end(call);
    } else {
      gates_.park(call);
    }
  }
  while (Call* call = gates_.first_to_end()) {
    if (call->until > now_) break;
    gates_.unpark(call);
    end(*call);
  }
  return any;
}

void Engine::State::leave_gates(const Call* poll) {
  Call* const call = gates_.unpark(poll);
  if (call == nullptr) return;
  ++unanswered_;
  call->answer = gates_.read(std::get<ReadGates>(call->question));
  answer(*call);
}

void Engine::State::saw_gate(const Slot& slot) {
  if (locks::is_gate(*slot.lock)) gates_.saw(*slot.lock, slot.record.gate ? &*slot.record.gate : nullptr);
}

}  // namespace lockkeeper::engine
