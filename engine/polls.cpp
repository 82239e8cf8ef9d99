// Polls: kept back, woken, ended.
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

const locks::Acquire& intention(const Call& call) {
  return std::get<locks::Acquire>(std::get<locks::Command>(call.question).what);
}

}  // namespace

// The place of `call` stands in the slot's record; when it is committed (`settled`), the call is not in flight any
// more.
void Engine::State::park(Slot& slot, Call& call, bool settled) {
  if (!slot.watched) slot.watched = std::make_unique<Watched>();
  Poll& poll = slot.watched->polls.by_claim[intention(call).claim];
  if (poll.call != nullptr) {
    // The intention's earlier poll: its client has let go of it, or asks twice.
    Call& earlier = *poll.call;
    if (poll.settled) {
      poll_ends_.remove(poll);
      ++unanswered_;
    } else {
      --slot.watched->polls.unsettled;
    }
    earlier.until = now_;
    slot.line.push_back(earlier);
  }
  poll = {&call, &slot, ++polls_, settled, false};
  call.next = nullptr;
  // Who did not say when its intention began, began now, however often it is decided.
  auto& begun = std::get<locks::Acquire>(std::get<locks::Command>(call.question).what).begun;
  if (!begun) {
    const locks::Waiter* waiter = locks::find_waiter(slot.record, intention(call).claim);
    if (waiter != nullptr) begun = waiter->begun;
  }
  if (!settled) {
    ++slot.watched->polls.unsettled;
    return;
  }
  --unanswered_;
  poll_ends_.add(poll);
  restart_place(slot, intention(call).claim, true);
}

// The call is in flight again.
Call& Engine::State::unpark(Slot& slot, const std::string& claim) {
  const auto at = slot.watched->polls.by_claim.find(claim);
  Poll& poll = at->second;
  Call& call = *poll.call;
  if (poll.settled) {
    poll_ends_.remove(poll);
    ++unanswered_;
  } else {
    --slot.watched->polls.unsettled;
  }
  slot.watched->polls.by_claim.erase(at);
  call.woken = true;
  restart_place(slot, claim, false);
  return call;
}

// Whoever's place or claim `change` touches is decided once more, next, on what it brings about.
void Engine::State::wake(Slot& slot, const locks::Change& change) {
  if (!slot.watched || slot.watched->polls.by_claim.empty()) return;
  const auto& polls = slot.watched->polls;
  Calls woken;
  for (const locks::RowOperation& operation : change.rows) {
    std::string claim;
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      if (gone->kind == locks::RowKind::waiter) claim = gone->id;
    } else if (const auto* waiter = std::get_if<locks::Waiter>(&std::get<locks::Row>(operation))) {
      if (!polls.open(waiter->name, waiter->request)) claim = waiter->name;
    }
    if (claim.empty() || !polls.by_claim.contains(claim)) continue;
    woken.push_back(unpark(slot, claim));
  }
  slot.line.prepend(std::move(woken));
}

// Another record than the one that the polls waited on was read.
void Engine::State::wake_changed(Slot& slot) {
  if (!slot.watched || slot.watched->polls.by_claim.empty()) return;
  std::vector<std::string> changed;
  for (const auto& [claim, poll] : slot.watched->polls.by_claim) {
    const locks::Waiter* waiter = locks::find_waiter(slot.record, claim);
    if (waiter == nullptr || waiter->request != intention(*poll.call).request) changed.push_back(claim);
  }
  Calls woken;
  for (const std::string& claim : changed) woken.push_back(unpark(slot, claim));
  slot.line.prepend(std::move(woken));
}

// The change in flight is committed.
void Engine::State::settle_polls(Slot& slot) {
  if (!slot.watched || slot.watched->polls.unsettled == 0) return;
  slot.watched->polls.unsettled = 0;
  std::vector<std::string> ended;
  for (auto& [claim, poll] : slot.watched->polls.by_claim) {
    if (poll.settled) continue;
    poll.settled = true;
    --unanswered_;
    poll_ends_.add(poll);
    restart_place(slot, claim, true);
    if (poll.left || stopping_) ended.push_back(claim);
  }
  for (const std::string& claim : ended) {
    answer(unpark(slot, claim), locks::Unavailable{stopping_ ? "the server is stopping" : "the client left"});
  }
}

// The change in flight is not committed, or it is not known.
Calls Engine::State::unsettled_polls(Slot& slot) {
  Calls calls;
  if (!slot.watched || slot.watched->polls.unsettled == 0) return calls;
  std::map<std::uint64_t, std::string> in_order;
  for (const auto& [claim, poll] : slot.watched->polls.by_claim) {
    if (!poll.settled) in_order[poll.number] = claim;
  }
  for (const auto& [number, claim] : in_order) calls.push_back(unpark(slot, claim));
  return calls;
}

// Whether the poll was there.
bool Engine::State::leave(Slot& slot, const Leave& leave) {
  if (!slot.watched) return false;
  const auto at = slot.watched->polls.by_claim.find(leave.claim);
  if (at == slot.watched->polls.by_claim.end() || at->second.call != leave.poll) return false;
  if (at->second.settled) {
    answer(unpark(slot, leave.claim), locks::Unavailable{"the client left"});
  } else {
    at->second.left = true;
  }
  return true;
}

// Those whose time is over are decided once more: as soon as what is in flight is back, they are told their place.
bool Engine::State::end_polls() {
  bool any = false;
  for (Poll* poll = poll_ends_.first(); poll != nullptr && poll->call->until <= now_; poll = poll_ends_.first()) {
    any = true;
    Slot& slot = *poll->slot;
    Call& call = unpark(slot, std::string(intention(*poll->call).claim));
    if (overdue_ > 0 && !slot.known) {
      answer(call, locks::Unavailable{"the store does not answer"});
    } else {
      slot.line.push_back(call);
    }
    need_turn(slot);
  }
  return any;
}

// Slots whose record has to be read, for their polls' sake.
bool Engine::State::look() {
  bool any = false;
  while (overdue_ == 0 && !look_later_.empty() && look_later_.front().first <= now_) {
    Slot& slot = slots_.use(look_later_.front().second);
    look_later_.pop_front();
    slot.look = true;
    if (slot.watched) slot.watched->unheard_due = true;
    need_turn(slot);
    any = true;
  }
  return any;
}

// The server stops: places are kept, polls are not.
void Engine::State::close_polls() {
  refuse_seekers("the server is stopping");
  while (Poll* poll = poll_ends_.first()) {
    Slot& slot = *poll->slot;
    answer(unpark(slot, std::string(intention(*poll->call).claim)), locks::Unavailable{"the server is stopping"});
    need_turn(slot);
  }
}

}  // namespace lockkeeper::engine
