// A lock's turn: what waits in its line is decided, in order, into one change.
#include <algorithm>
#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {
namespace {

// What one commit may carry, so that no store's limits are met (DESIGN: a record is a small head and rows; etcd
// takes 128 operations a transaction). A single decision that is larger goes alone.
constexpr std::size_t kEvents = 63;

std::size_t grants(const locks::Change& change) {
  using locks::What;
  return static_cast<std::size_t>(std::count_if(change.events.begin(), change.events.end(), [](const auto& event) {
    return event.what == What::acquired || event.what == What::shared || event.what == What::taken_over ||
           event.what == What::granted || event.what == What::offered;
  }));
}

// Whether it may not have granted all that it could: it was full, or it put a place, which it does not grant
// itself.
bool leaves_rest(const locks::Change& change, std::size_t granted) {
  return granted >= locks::commit_grants || change.rows.size() + 2 > locks::commit_rows ||
         std::any_of(change.rows.begin(), change.rows.end(), [](const locks::RowOperation& operation) {
           const auto* row = std::get_if<locks::Row>(&operation);
           return row != nullptr && std::holds_alternative<locks::Waiter>(*row);
         });
}

// A slot gets its polls with the first.
class SlotPolls final : public locks::Polls {
 public:
  explicit SlotPolls(const Slot& slot) : slot_(slot) {}
  bool open(const std::string& claim, const std::string& request) const override {
    return slot_.watched && slot_.watched->polls.open(claim, request);
  }

 private:
  const Slot& slot_;
};

locks::Change& change_of(Work& commit) {
  return std::get<Commit>(commit.operation.question).change;
}

bool fits(Work& commit, const locks::Change& change, std::size_t granted) {
  const locks::Change& all = change_of(commit);
  return all.rows.size() + change.rows.size() <= locks::commit_rows &&
         all.events.size() + change.events.size() <= kEvents && commit.grants + granted <= locks::commit_grants;
}

}  // namespace

void Engine::State::need_turn(Slot& slot) {
  if (slot.due || slot.work != nullptr) return;  // a turn comes when its work is back
  slot.due = true;
  slot.next_due = nullptr;
  *due_end_ = &slot;
  due_end_ = &slot.next_due;
}

bool Engine::State::give_turns() {
  if (due_ == nullptr) return false;
  while (due_ != nullptr) {
    Slot& slot = *due_;
    due_ = slot.next_due;
    if (due_ == nullptr) due_end_ = &due_;
    slot.due = false;
    turn(slot);
  }
  return true;
}

void Engine::State::turn(Slot& slot) {
  const bool unheard = slot.watched && slot.watched->unheard_due && !slot.watched->unheard.empty();
  const bool expired = slot.watched && slot.watched->expired != 0;
  if (slot.line.empty() && !expired && !unheard && !slot.look && (!slot.known || slot.record.waiters.empty())) {
    if (!slot.to_prune || !prune(slot)) slots_.rest(slot);
    return;
  }
  slot.to_prune = false;  // it is in use
  // Versions of absent locks start at the floor, and pruning has raised it since.
  if (!slot.exists && slot.checked == 0 && slot.record.head.version < floor_) slot.known = false;
  if (!slot.known || slot.look) return begin_read(slot);
  decide_line(slot);
  if (slot.work == nullptr) slots_.rest(slot);
}

void Engine::State::decide_line(Slot& slot) {
  Work* commit = nullptr;
  const locks::Terms terms = terms_of(slot);
  const SlotPolls polls(slot);
  locks::Circumstances around{wall_, settings_.limits, terms, &polls};
  if (!exclusive_) around.committed = slot.record.head.version;
  bool goes_on = true;
  while (goes_on) {
    // What is left of a large hand-over comes before any other command.
    auto rest = slot.rest ? locks::hand_over(slot.record, around) : std::nullopt;
    if (rest) {
      goes_on = add_if_fits(commit, slot, std::move(*rest));
      continue;
    }
    slot.rest = false;
    if (!slot.line.empty()) {
      goes_on = decide_call(slot, commit, around);
    } else {
      decide_unheard(slot, commit, around);
      decide_lapses(slot, commit, around);
      goes_on = !slot.line.empty();
    }
  }
  if (commit != nullptr) return finish_commit(slot, *commit);
  if (!slot.line.empty()) begin_read(slot);
}

// The first of the line. False: it can't be decided now.
bool Engine::State::decide_call(Slot& slot, Work*& commit, const locks::Circumstances& around) {
  Call& call = *slot.line.front();
  // Another server may have changed what this one remembers, unless it was read after the call came.
  const bool current = exclusive_ || slot.checked > 0;
  if (std::holds_alternative<ReadHistory>(call.question)) {
    if (!current) return false;
    const locks::Version committed = commit != nullptr ? change_of(*commit).expected : slot.record.head.version;
    begin_history(slot.line.pop_front(), committed);
  } else if (const auto* left = std::get_if<Leave>(&call.question)) {
    slot.line.pop_front();
    leave(slot, *left);
    answer(call, locks::Noted{});
  } else {
    const auto& command = std::get<locks::Command>(call.question);
    locks::Decision decision = locks::decide(slot.record, command, around);
    if (decision.change) {
      const std::size_t granted = grants(*decision.change);
      if (commit != nullptr && !fits(*commit, *decision.change, granted)) return false;
      slot.line.pop_front();
      add(commit, slot, std::move(*decision.change), granted);
    } else {
      if (commit == nullptr && !current) return false;
      slot.line.pop_front();
    }
    if (const auto* queued = std::get_if<locks::Queued>(&decision.outcome)) {
      if (!decision.change) polled(slot, queued->place, commit, around);
      if (call.until > now_ && !stopping_ && poll_ends_.size() < settings_.waiting) {
        park(slot, call, commit == nullptr);
        if (slot.checked > 0) --slot.checked;
        return true;
      }
    } else if (auto* granted = std::get_if<locks::Granted>(&decision.outcome)) {
      tell(slot, call, *granted);
    }
    call.answer = std::move(decision.outcome);
    // Decided on what is not committed yet, it shares that commit's fate.
    if (commit != nullptr) {
      commit->calls.push_back(call);
    } else {
      answer(call);
    }
  }
  if (slot.checked > 0) --slot.checked;
  return true;
}

bool Engine::State::add_if_fits(Work*& commit, Slot& slot, locks::Change&& change) {
  const std::size_t granted = grants(change);
  if (commit != nullptr && !fits(*commit, change, granted)) return false;
  add(commit, slot, std::move(change), granted);
  return true;
}

locks::Terms Engine::State::terms_of(const Slot& slot) const {
  if (settings_.terms_by_name.empty()) return settings_.terms;
  return locks::terms_of(settings_.terms, settings_.terms_by_name, *slot.lock);
}

void Engine::State::add(Work*& commit, Slot& slot, locks::Change&& change, std::size_t granted) {
  const bool was_held = locks::held(slot.record);
  locks::apply(slot.record, change);
  slot.rest = slot.rest || leaves_rest(change, granted);
  wake(slot, change);
  if (commit != nullptr) {
    locks::append(change_of(*commit), std::move(change));
  } else {
    commit = &pool_.take();
    commit->was_held = was_held;
    auto& question = commit->operation.question;
    if (!std::holds_alternative<Commit>(question)) question.emplace<Commit>();
    auto& [lock, first] = std::get<Commit>(question);
    lock = *slot.lock;
    first = std::move(change);
    first.creates = !slot.exists;
    begin(*commit);  // it grows until the line is through: a read of this turn comes after it in the chain
  }
  commit->grants += granted;
}

void Engine::State::finish_commit(Slot& slot, Work& commit) {
  std::string id = settings_.change_prefix + std::to_string(++changes_);
  auto& events = change_of(commit).events;
  for (std::size_t i = 1; i < events.size(); ++i) events[i].change = id;
  if (!events.empty()) events.front().change = std::move(id);
  commit.slot = &slot;
  slot.work = &commit;
  slot.checked = 0;
}

void Engine::State::begin_read(Slot& slot) {
  Work& work = pool_.take();
  work.operation.question = Read{*slot.lock};
  work.slot = &slot;
  work.waiting = slot.line.size();
  slot.work = &work;
  slot.told = 0;
  begin(work);
}

void Engine::State::begin_history(Call& call, locks::Version version) {
  Work& work = pool_.take();
  work.operation.question = std::get<ReadHistory>(call.question);
  work.calls.push_back(call);
  work.version = version;
  begin(work);
}

// Whether something was begun for it.
bool Engine::State::prune(Slot& slot) {
  if (!slot.known) {
    begin_read(slot);
    return true;
  }
  slot.to_prune = false;
  const locks::Record& record = slot.record;
  if (!slot.exists || locks::held(record) || !record.waiters.empty()) return false;
  if (record.head.changed >= prune_before()) return false;  // used since it was found
  Work& work = pool_.take();
  work.operation.question = Prune{*slot.lock, record.head.version};
  work.slot = &slot;
  slot.work = &work;
  begin(work);
  return true;
}

void Engine::State::begin(Work& work) {
  work.begun = now_;
  if (work.unknown == 0) work.first = now_;
  flights_.add(work);
  work.operation.next = nullptr;
  *chain_end_ = &work.operation;
  chain_end_ = &work.operation.next;
}

}  // namespace lockkeeper::engine
