// Grants that nobody heard of: to clients that left while they waited, and in commits whose outcome is unknown.
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

// An acquisition that waits, if the call is one.
const locks::Acquire* poll(const Call& call) {
  const auto* command = std::get_if<locks::Command>(&call.question);
  const auto* acquire = command != nullptr ? std::get_if<locks::Acquire>(&command->what) : nullptr;
  return acquire != nullptr && !acquire->claim.empty() ? acquire : nullptr;
}

}  // namespace

void Engine::State::tell(const Slot& slot, Call& call, locks::Granted& granted) {
  const locks::Acquire* acquire = poll(call);
  // Where nobody waits and nothing lapses, no poll can have been granted what a plain request is told of.
  if (acquire == nullptr || (!acquire->wait && !granted.again && !slot.watched)) return;
  // A poll of it was woken here and refused before it was told: nobody was, yet.
  bool nobody_yet = false;
  if (slot.watched) {
    const auto at = slot.watched->unheard.find(acquire->claim);
    nobody_yet = at != slot.watched->unheard.end() && at->second.token == 0;
  }
  const bool first = call.woken || !granted.again || nobody_yet;
  const unsigned told = told_.tell(*slot.lock, acquire->claim, granted.token, first);
  call.told = told > 0;
  if (call.woken) granted.again = told > 1;  // decided once more, but not told before
}

// The claim is to be an offer again as soon as that can be committed.
void Engine::State::unheard(Slot& slot, const std::string& claim, Watched::Unheard unheard) {
  if (!slot.watched) slot.watched = std::make_unique<Watched>();
  if (slot.watched->unheard.insert_or_assign(claim, std::move(unheard)).second) ++unheard_;
  slot.watched->unheard_due = true;
}

// Answers that were decided and do not leave. Where the grant may have happened all the same, its client has not
// heard.
void Engine::State::not_told(Slot& slot, const Calls& calls) {
  for (Call* call = calls.front(); call != nullptr; call = call->next) {
    const auto* outcome = std::get_if<locks::Outcome>(&call->answer);
    const auto* granted = outcome != nullptr ? std::get_if<locks::Granted>(outcome) : nullptr;
    const locks::Acquire* acquire = poll(*call);
    if (granted == nullptr || acquire == nullptr || !std::exchange(call->told, false)) continue;
    told_.take_back(*slot.lock, acquire->claim, granted->token);
    // Perhaps the last of several: those before may have left.
    if (told_.heard(*slot.lock, acquire->claim, granted->token) == Told::Heard::nobody) {
      unheard(slot, acquire->claim, {acquire->request, granted->token});
    }
  }
}

// Those in the line can't be decided. Polls among them may have been granted the lock by a commit that is not
// known.
void Engine::State::refuse_line(Slot& slot, const std::string& why) {
  Calls line = std::exchange(slot.line, {});
  while (!line.empty()) {
    Call& call = line.pop_front();
    const locks::Acquire* acquire = call.woken ? poll(call) : nullptr;
    if (acquire != nullptr) unheard(slot, acquire->claim, {acquire->request, 0});
    answer(call, locks::Unavailable{why, acquire != nullptr});
  }
}

void Engine::State::decide_unheard(Slot& slot, Work*& commit, const locks::Circumstances& around) {
  if (!slot.watched || !slot.watched->unheard_due) return;
  auto& unheard = slot.watched->unheard;
  for (auto at = unheard.begin(); at != unheard.end();) {
    const auto& [name, meant] = *at;
    const locks::Claim* claim = locks::find_claim(slot.record, name);
    bool stands = claim != nullptr && !claim->offered && claim->request == meant.request &&
                  (meant.token == 0 || claim->token == meant.token);
    if (stands) {
      const Told::Heard heard = told_.heard(*slot.lock, name, claim->token);
      // Of a poll that was open here, whoever else was told would be known.
      stands = heard == Told::Heard::nobody || (heard == Told::Heard::not_known && meant.token == 0);
      // Over a shared store a copy that another server tells of it is written first.
      stands = stands && (exclusive_ || claim->renewed == claim->token);
    }
    if (!stands) {
      at = unheard.erase(at);
      --unheard_;
      continue;
    }
    if (!exclusive_ && meant.own != claim->token) {
      if (commit == nullptr) ask_whose(slot, name, at->second, claim->token);
      ++at;
      continue;
    }
    const locks::Command command{*slot.lock, {"", "server"}, locks::GiveBack{name, meant.request, claim->token}};
    locks::Decision decision = locks::decide(slot.record, command, around);
    if (decision.change && !add_if_fits(commit, slot, std::move(*decision.change))) return;
    ++at;  // it is through when the record says so
  }
}

// A grant under that token that was not written, or is not known, may have become another server's, which told of
// it.
void Engine::State::ask_whose(const Slot& slot, const std::string& claim, Watched::Unheard& unheard,
                              locks::Version token) {
  if (std::exchange(unheard.asked, token) == token) return;
  Work& work = pool_.take();
  work.operation.question = ReadHistory{.lock = *slot.lock, .after = token - 1, .limit = 1};
  work.unheard = claim;
  work.version = token;
  begin(work);
}

void Engine::State::told_whose(const Work& work) {
  Slot* slot = slots_.find(std::get<ReadHistory>(work.operation.question).lock);
  if (slot == nullptr || !slot->watched) return;
  const auto at = slot->watched->unheard.find(work.unheard);
  if (at == slot->watched->unheard.end() || at->second.asked != work.version) return;
  if (const auto* read = std::get_if<HistoryRead>(&work.operation.answer)) {
    const locks::Event* event = read->events.empty() ? nullptr : &read->events.front();
    if (event != nullptr && event->version == work.version && event->change.starts_with(settings_.change_prefix)) {
      at->second.own = work.version;
    } else {
      slot->watched->unheard.erase(at);
      --unheard_;
    }
    return need_turn(*slot);
  }
  at->second.asked = 0;
  if (stopping_) forget_unheard(*slot);
  slot->watched->unheard_due = false;
  look_later_.emplace_back(now_ + std::chrono::seconds(1), *slot->lock);
  need_turn(*slot);
}

// The server ends: what could not be written stays as it is.
void Engine::State::forget_unheard(Slot& slot) {
  if (!slot.watched) return;
  unheard_ -= slot.watched->unheard.size();
  slot.watched->unheard.clear();
}

}  // namespace lockkeeper::engine
