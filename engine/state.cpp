#include "engine/state.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::engine {
namespace {

// submit() comes from everywhere: what is refused there goes out at once, alone.
void refuse_now(Call& call) noexcept {
  call.next = nullptr;
  call.answer = locks::Outcome(locks::Unavailable{"the server is stopping"});
  call.mailbox->deliver(&call);
}

}  // namespace

Engine::State::State(Store& store, Clock& clock, Settings settings)
    : store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      exclusive_(store.exclusive()),
      now_(clock.steady()),
      wall_(clock.wall()),
      slots_(settings_.cached_locks),
      lease_clock_(now_),
      trimming_(now_),
      pruning_(now_),
      watching_(now_, exclusive_ ? Chore::kPause : settings_.look_again),
      standing_(now_, std::chrono::seconds(1)),
      gates_(settings_.change_prefix + "g"),
      census_(exclusive_),
      counting_(now_, std::chrono::minutes(1)) {
  watching_.at_once(now_);
  counting_.at_once(now_);
  const auto warns = [](const locks::TermsOf& one) { return one.warn_after.has_value(); };
  const auto& by_name = settings_.terms_by_name;
  if (!settings_.terms.warn_after && std::none_of(by_name.begin(), by_name.end(), warns)) standing_.never();
  store_.open(*this);
}

Engine::State::~State() {
  if (!closed_) store_.close();
  for (News* news = news_.take(); news != nullptr;) delete std::exchange(news, news->next);
}

void Engine::State::submit(Call& call) noexcept {
  call.next = nullptr;
  if (!submitted_.push(&call)) return refuse_now(call);
  sleeper_.wake();
}

void Engine::State::completed(Operation* chain) noexcept {
  if (chain == nullptr) return;
  completed_.push(chain);
  sleeper_.wake();
}

void Engine::State::stop() noexcept {
  if (stop_asked_.exchange(true)) return;
  submitted_.push(&stop_mark_);
  sleeper_.wake();
}

void Engine::State::run() {
  for (;;) {
    if (step()) continue;
    if (stopping_ && unanswered_ == 0 && (unheard_ == 0 || overdue_ > 0)) break;
    const std::size_t lately = std::exchange(lately_, unanswered_);
    sleeper_.sleep(nap(), lately <= Sleeper::few,
                   [this] { return submitted_.empty() && completed_.empty() && news_.empty(); });
  }
  for (Call* late = submitted_.close(); late != nullptr;) refuse_now(*std::exchange(late, late->next));
  closed_ = true;
  store_.close();
}

bool Engine::State::step() {
  now_ = clock_.steady();
  wall_ = clock_.wall();
  lease_clock_.turn(now_);
  bool any = take_completed();
  any = take_news() || any;
  any = give_up_unknown() || any;
  any = give_up_overdue() || any;
  any = begin_again() || any;
  any = take_submitted() || any;
  any = end_polls() || any;
  any = end_gate_polls() || any;
  any = look() || any;
  any = expire() || any;
  any = give_turns() || any;
  begin_chores();
  // The store first: it is the slower one.
  any = begin_all() || any;
  shown_.cached.store(slots_.size(), std::memory_order_relaxed);
  shown_.in_flight.store(unanswered_, std::memory_order_relaxed);
  shown_.waiting.store(poll_ends_.size() + gates_.waiting(), std::memory_order_relaxed);
  shown_.watched.store(watch_.size(), std::memory_order_relaxed);
  shown_.places.store(places_, std::memory_order_relaxed);
  shown_.gates.store(gates_.size(), std::memory_order_relaxed);
  if (const auto& held = census_.held()) {
    shown_.held.store(*held, std::memory_order_relaxed);
    shown_.counted.store(true, std::memory_order_release);
  }
  shown_.stuck.store(overdue_ > 0, std::memory_order_relaxed);
  shown_.watching.store(all_found_ && unread_.empty(), std::memory_order_relaxed);
  return outbox_.deliver() || any;
}

bool Engine::State::take_completed() {
  Operation* chain = completed_.take();
  const bool any = chain != nullptr;
  std::uint64_t commits = 0;
  while (chain != nullptr) {
    commits += std::holds_alternative<Committed>(chain->answer) ? 1 : 0;
    Operation* const operation = std::exchange(chain, chain->next);
    returned(*static_cast<Work*>(operation->owner));
  }
  if (commits != 0) shown_.batch.add(static_cast<double>(commits));
  return any;
}

bool Engine::State::take_submitted() {
  Call* chain = submitted_.take();
  const bool any = chain != nullptr;
  std::uint64_t number = 0;
  while (chain != nullptr) {
    Call& call = *std::exchange(chain, chain->next);
    if (&call == &stop_mark_) {
      stopping_ = true;
      close_polls();
      continue;
    }
    ++number;
    accept(call);
  }
  add(shown_.commands, number);
  return any;
}

void Engine::State::accept(Call& call) {
  ++unanswered_;
  if (unanswered_ > lately_) lately_ = unanswered_;
  if (accept_always(call)) return;
  if (stopping_) return answer(call, locks::Unavailable{"the server is stopping"});
  if (overdue_ > 0) return answer(call, locks::Unavailable{"the store does not answer"});
  if (unanswered_ > settings_.in_flight) return answer(call, locks::Unavailable{"too many requests are in flight"});
  if (const auto* scan = std::get_if<Scan>(&call.question)) {
    Work& work = pool_.take();
    work.operation.question = *scan;
    work.calls.push_back(call);
    return begin(work);
  }
  if (std::holds_alternative<ReadGates>(call.question)) return read_gates(call);
  if (std::holds_alternative<RenewLease>(call.question) && !find_lease(call)) return;
  line_up(call);
}

void Engine::State::line_up(Call& call) {
  const auto* command = std::get_if<locks::Command>(&call.question);
  Slot& slot = slots_.use(command != nullptr ? command->lock : std::get<ReadHistory>(call.question).lock);
  if (command != nullptr) {
    const auto* acquire = std::get_if<locks::Acquire>(&command->what);
    if (acquire != nullptr && acquire->wait) call.until = now_ + std::min(*acquire->wait, settings_.longest_wait);
  }
  slot.line.push_back(call);
  need_turn(slot);
}

// What clients did, not what they want: that they left. It is noted whatever state the store is in.
bool Engine::State::accept_always(Call& call) {
  if (const auto* left = std::get_if<Leave>(&call.question)) {
    if (left->lock.empty()) {
      leave_gates(left->poll);
      answer(call, locks::Noted{});
      return true;
    }
    Slot& slot = slots_.use(left->lock);
    need_turn(slot);
    if (!leave(slot, *left) && !slot.line.empty()) {
      slot.line.push_back(call);  // behind the poll, which may be in there
    } else {
      answer(call, locks::Noted{});
    }
    return true;
  }
  const auto* command = std::get_if<locks::Command>(&call.question);
  const auto* give_back = command != nullptr ? std::get_if<locks::GiveBack>(&command->what) : nullptr;
  if (give_back == nullptr) return false;
  Slot& slot = slots_.use(command->lock);
  told_.take_back(command->lock, give_back->claim, give_back->token);
  unheard(slot, give_back->claim, {give_back->request, give_back->token});
  if (overdue_ == 0) {
    need_turn(slot);
  } else {
    slot.watched->unheard_due = false;
    look_later_.emplace_back(now_ + std::chrono::seconds(1), *slot.lock);
  }
  answer(call, locks::Noted{});
  return true;
}

bool Engine::State::begin_all() {
  if (chain_ == nullptr) return false;
  chain_end_ = &chain_;
  store_.begin(std::exchange(chain_, nullptr));
  return true;
}

void Engine::State::answer(Call& call, locks::Outcome outcome) {
  call.answer = std::move(outcome);
  answer(call);
}

void Engine::State::answer(Call& call) {
  --unanswered_;
  outbox_.add(call);
}

void Engine::State::refuse(Calls calls, const std::string& why, bool unknown) {
  while (!calls.empty()) answer(calls.pop_front(), locks::Unavailable{why, unknown});
}

Counters Engine::State::counters() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  Counters counters{.commands = read(shown_.commands),
                    .commits = read(shown_.commits),
                    .conflicts = read(shown_.conflicts),
                    .failures = read(shown_.failures),
                    .cached = read(shown_.cached),
                    .in_flight = read(shown_.in_flight),
                    .waiting = read(shown_.waiting),
                    .watched = read(shown_.watched),
                    .lapses = read(shown_.lapses),
                    .standing = read(shown_.standing),
                    .waiters = read(shown_.places),
                    .released_gates = read(shown_.gates),
                    .waited = shown_.waited.read(),
                    .held_for = shown_.held_for.read(),
                    .batch = shown_.batch.read(),
                    .commit = shown_.commit.read()};
  if (shown_.counted.load(std::memory_order_acquire)) counters.held = read(shown_.held);
  for (std::size_t i = 0; i < counters.events.size(); ++i) counters.events.at(i) = read(shown_.events.at(i));
  return counters;
}

bool Engine::State::ready() const noexcept {
  return !shown_.stuck.load(std::memory_order_relaxed) && shown_.watching.load(std::memory_order_relaxed) &&
         store_.ready();
}

}  // namespace lockkeeper::engine
