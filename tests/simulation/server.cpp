#include "tests/simulation/server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "tests/simulation/mutations.h"

namespace lockkeeper::simulation {
namespace {

constexpr Time kTurn{500};  // a thread that was woken gets to run
constexpr Time kLate = std::chrono::seconds(1);

std::string_view kind(const locks::Outcome& outcome) {
  if (const auto* gone = std::get_if<locks::Gone>(&outcome)) {
    static constexpr std::array<std::string_view, 4> kWhys = {"told gone: closed", "told gone: superseded",
                                                              "told gone: forgotten", "told gone: ended"};
    return kWhys.at(static_cast<std::size_t>(gone->why));
  }
  if (const auto* unavailable = std::get_if<locks::Unavailable>(&outcome)) {
    return unavailable->unknown ? "told unknown" : "told unavailable";
  }
  if (const auto* granted = std::get_if<locks::Granted>(&outcome)) {
    return granted->again ? "told granted again" : "told granted";
  }
  static constexpr std::array<std::string_view, 11> kOthers = {"",
                                                               "",
                                                               "told refused",
                                                               "told released",
                                                               "told not yours",
                                                               "",
                                                               "told too many",
                                                               "told inspected",
                                                               "told queued",
                                                               "told renewed",
                                                               "told noted"};
  return kOthers.at(outcome.index());
}

Time some_boot(Random& random) {
  return random.between(Time(0), std::chrono::hours(1000));
}

}  // namespace

Server::Server(Stage& stage, SharedStore& store, Linearizability& history, Listener& listener, std::size_t number)
    : stage_(stage),
      store_(store),
      history_(history),
      listener_(listener),
      number_(number),
      name_("server " + std::to_string(number)),
      clock_(stage.agenda.now(), some_boot(stage.random)),
      waiting_([](const Asked* one, const Asked* other) { return one->number < other->number; }) {
  if (stage.bug == Bug::expire_by_wall_clock) clock_.take_steady_for_wall();
}

void Server::start() {
  ++life_;
  stage_.trace.line([&] { return name_ + " starts"; });
  if (stage_.random.chance(300)) clock_.boot(some_boot(stage_.random));
  connections_.emplace_back(stage_, store_, number_, life_, [this] { wake_after(kTurn, Agenda::Kind::matter); });
  engine::Settings settings = stage_.profile.settings;
  settings.change_prefix = name_ + " life " + std::to_string(life_) + " change ";
  engine_ = std::make_unique<engine::Engine>(connections_.back(), clock_, std::move(settings));
  wake_after(kTurn, Agenda::Kind::matter);
}

void Server::submit(Asked& asked) {
  if (!up()) {
    asked.abandoned = true;
    return;
  }
  asked.mailbox = this;
  asked.server = number_;
  asked.life = life_;
  asked.asked = stage_.next_moment();
  asked.asked_at = stage_.agenda.now();
  if (auto* command = std::get_if<locks::Command>(&asked.question); command != nullptr && stage_.bug != Bug::none) {
    mutate(stage_, *command, store_.record(command->lock));
  }
  history_.asked(asked);
  waiting_.insert(&asked);
  if (asked.poll() != nullptr) latest_polls_[asked.meant.lock + "/" + asked.poll()->request] = asked.number;
  engine_->submit(asked);
  wake_after(kTurn, Agenda::Kind::matter);
}

// A sooner step replaces a later one that was planned.
void Server::wake_after(Time delay, Agenda::Kind kind) {
  if (!up()) return;
  wake_at(stage_.agenda.now() + stage_.random.between(Time(0), delay), kind);
}

void Server::wake_at(Time when, Agenda::Kind kind) {
  when = std::max(when, paused_);
  if (next_step_ >= stage_.agenda.now() && next_step_ <= when) {
    if (kind == next_kind_ || kind == Agenda::Kind::background) return;
    when = next_step_;  // from now on somebody waits for it
  }
  next_step_ = when;
  next_kind_ = kind;
  stage_.agenda.at(
      when,
      [this, plan = ++planned_] {
        if (plan == planned_ && up()) step();
      },
      kind);
}

void Server::step() {
  next_step_ = Time(-1);
  if (paused_ > stage_.agenda.now()) return wake_after(Time(0), Agenda::Kind::matter);
  if (engine_->step()) return wake_after(kTurn, Agenda::Kind::matter);
  // As the loop sleeps. Someone may wait for an answer that comes by the clock alone.
  Time nap = std::chrono::ceil<Time>(engine_->nap()) + stage_.random.between(Time(0), kTurn);
  if (stage_.bug == Bug::oversleep) nap += std::chrono::seconds(3);
  wake_at(stage_.agenda.now() + nap, waiting_.empty() ? Agenda::Kind::background : Agenda::Kind::matter);
  if (stage_.shows(Bug::expire_early, 20)) lapse_something();
}

void Server::deliver(engine::Call* chain) noexcept {
  if (stage_.bug == Bug::swapped_answers) swap_answers(chain);
  while (chain != nullptr) {
    auto& asked = static_cast<Asked&>(*std::exchange(chain, chain->next));
    if (swallowed(asked)) continue;
    waiting_.erase(&asked);
    if (asked.answered != 0) return stage_.fail(CallBook::name(asked.number) + " was answered twice");
    if (stage_.bug == Bug::wake_two) wake_two(asked);
    if (stage_.bug == Bug::lapse_although_renewed) lapse_later(asked);
    asked.answered = stage_.next_moment();
    stage_.trace.line(
        [&] { return name_ + " answers " + CallBook::name(asked.number) + ": " + told(asked.outcome()); });
    stage_.trace.count(asked.outcome().index());
    stage_.happened(kind(asked.outcome()));
    history_.answered(asked);
    if (stage_.profile.faultless) look_for_early(asked);
    listener_.answered(asked);
  }
}

void Server::swap_answers(engine::Call* chain) {
  for (; chain != nullptr && chain->next != nullptr; chain = chain->next) {
    if (stage_.random.chance(100)) std::swap(chain->answer, chain->next->answer);
  }
}

bool Server::swallowed(const Asked& asked) {
  return asked.poll() != nullptr && stage_.shows(Bug::waiter_never_answered, 20);
}

void Server::wake_two(Asked& asked) {
  if (asked.poll() == nullptr) return;
  if (const auto* granted = std::get_if<locks::Granted>(&asked.outcome())) {
    handed_[asked.meant.lock] = *granted;
  } else if (const auto last = handed_.find(asked.meant.lock);
             last != handed_.end() && std::holds_alternative<locks::Queued>(asked.outcome())) {
    asked.answer = locks::Outcome(last->second);
  }
}

void Server::say_lapse(const std::string& lock, const locks::Lapse& lapse) {
  submit(stage_.calls.open({lock, {"", "server"}, lapse}));
}

void Server::lapse_something() {
  const std::string lock = "lock " + std::to_string(stage_.random.below(stage_.profile.locks));
  const auto record = store_.record(lock);
  if (!record) return;
  for (const locks::Claim& claim : record->claims) {
    if (claim.offered || claim.ttl) {
      return say_lapse(lock, {locks::RowKind::claim, locks::id(claim).id, claim.renewed, false});
    }
  }
}

// As if the time went on from before the renewal.
void Server::lapse_later(const Asked& renewal) {
  const auto* renewed = std::get_if<locks::Renewed>(&renewal.outcome());
  const auto* renew = std::get_if<locks::Renew>(&renewal.meant.what);
  if (renewed == nullptr || renew == nullptr || !renewed->ttl) return;
  stage_.agenda.after(*renewed->ttl / 2, [this, lock = renewal.meant.lock, name = renew->claim] {
    const auto record = store_.record(lock);
    const locks::Claim* claim = record ? locks::find_claim(*record, name) : nullptr;
    if (claim != nullptr) say_lapse(lock, {locks::RowKind::claim, name, claim->renewed, false});
  });
}

Time Server::wait_of(const Asked& poll) const {
  return std::min(*poll.poll()->wait, stage_.profile.settings.longest_wait);
}

// In a world without faults every answer has its time: a poll that waits on when its time is over, at once all
// else.
void Server::look_for_late() {
  for (const Asked* asked : waiting_) {
    const Time waits = asked->poll() != nullptr ? wait_of(*asked) : Time(0);
    const Time late = stage_.agenda.now() - asked->asked_at - waits;
    if (late > kLate) {
      stage_.fail(CallBook::name(asked->number) + " should have been answered " + std::to_string(late.count()) +
                  " us ago");
    }
  }
}

// A poll is told its place when its time is over, unless a later poll took over from it.
void Server::look_for_early(const Asked& asked) {
  if (asked.poll() == nullptr || !std::holds_alternative<locks::Queued>(asked.outcome())) return;
  if (stage_.profile.settings.waiting < stage_.profile.clients) return;
  if (latest_polls_[asked.meant.lock + "/" + asked.poll()->request] != asked.number) return;
  const Time waited = stage_.agenda.now() - asked.asked_at;
  if (waited < wait_of(asked)) {
    stage_.fail(CallBook::name(asked.number) + " was sent home after " + std::to_string(waited.count()) + " us");
  }
}

void Server::pause(Time until) {
  stage_.happened("server paused");
  stage_.trace.line([&] { return name_ + " is paused"; });
  paused_ = std::max(paused_, until);
}

void Server::kill() {
  stage_.happened("server killed");
  stage_.trace.line([&] { return name_ + " is killed"; });
  engine_.reset();
  for (Asked* asked : waiting_) asked->abandoned = true;
  waiting_.clear();
  ++planned_;
  next_step_ = Time(-1);
  paused_ = Time(0);
}

void Server::jump(Time by) {
  stage_.happened("wall clock jumped");
  stage_.trace.line([&] {
    return name_ + "'s wall clock jumps by " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(by).count()) + " s";
  });
  clock_.jump(by);
}

void Server::stall(Time until) {
  if (!up()) return;
  stage_.happened("server cut off");
  stage_.trace.line([&] { return name_ + " is cut from its store"; });
  connections_.back().stall(until);
}

void Server::go_away(Time until) {
  if (!up()) return;
  stage_.happened("store away");
  stage_.trace.line([&] { return name_ + " knows that its store is away"; });
  connections_.back().go_away(until);
}

void Server::lose_watch(Time until) {
  if (!up()) return;
  stage_.trace.line([&] { return name_ + " is told nothing"; });
  connections_.back().lose_watch(until);
}

const Asked* Server::open_poll(const std::string& lock, const std::string& request, Time since) const {
  if (!up() || connections_.back().deaf_until() > since) return nullptr;
  for (const Asked* asked : waiting_) {
    const locks::Acquire* poll = asked->poll();
    if (poll == nullptr || asked->client == nullptr || asked->meant.lock != lock) continue;
    if (poll->request == request && asked->asked_at <= since) return asked;
  }
  return nullptr;
}

void Server::fill(Time until) {
  if (!up()) return;
  stage_.happened("store full");
  stage_.trace.line([&] { return name_ + "'s store is full"; });
  connections_.back().fill(until);
}

}  // namespace lockkeeper::simulation
