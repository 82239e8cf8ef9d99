#include "tests/simulation/client.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "tests/simulation/linearizability.h"

namespace lockkeeper::simulation {
namespace {

using locks::Acquire;
using locks::Command;
using locks::Release;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Time kPatience = seconds(5);

}  // namespace

Client::Client(Stage& stage, Network network, std::size_t number)
    : stage_(stage),
      network_(std::move(network)),
      name_("client " + std::to_string(number)),
      holder_("holder " + std::to_string(stage.random.below(3))),
      left_(stage.profile.calls_each) {}

void Client::begin() {
  rest_a_while();
}

void Client::act_after(Time pause) {
  stage_.agenda.after(pause, [this, turn = ++turn_] {
    if (turn == turn_ && !current_) act();
  });
}

void Client::rest_a_while() {
  const bool away = stage_.random.chance(15);
  act_after(away ? stage_.random.between(Time(0), minutes(10))
                 : stage_.random.stretched(Time(50), std::max(stage_.profile.think, Time(100))));
}

void Client::finish() {
  finishing_ = true;
  if (!current_) act_after(Time(0));
}

void Client::act() {
  if (session_ && (left_ > 0 || finishing_)) return go_on();
  if (left_ == 0 || finishing_) return;
  if (stage_.random.chance(stage_.profile.waiting)) return begin_session();
  ask(choose());
}

void Client::ask(Command command) {
  current_ = std::move(command);
  past_.push_back(*current_);
  if (past_.size() > 6) past_.erase(past_.begin());
  ask_again();
}

void Client::ask_again() {
  if (left_ == 0 && !finishing_) {
    current_.reset();
    return;
  }
  if (left_ > 0) --left_;
  const std::uint64_t attempt = ++attempt_;
  calls_.clear();
  network_.send(*current_, *this, attempt);
  Time patience = kPatience;
  if (const auto* acquire = std::get_if<Acquire>(&current_->what))
    patience += acquire->wait.value_or(milliseconds(0));
  if (!finishing_ && stage_.random.chance(stage_.profile.impatient)) {
    patience = stage_.random.chance(500) ? stage_.random.between(Time(0), patience)
                                         : stage_.random.stretched(Time(100), patience);
  }
  stage_.agenda.after(patience, [this, attempt] { no_answer(attempt); });
}

void Client::reached(Asked& call) {
  calls_.push_back(&call);
}

void Client::hang_up() {
  for (Asked* call : std::exchange(calls_, {})) network_.hang_up(*call);
}

void Client::no_answer(std::uint64_t attempt) {
  if (!listens(attempt)) return;
  hang_up();
  if (stage_.random.chance(700)) return ask_again();  // at another server perhaps
  current_.reset();
  rest_a_while();
}

void Client::answered(const Asked& call) {
  if (!listens(call.attempt)) return;  // it has given that one up
  std::erase(calls_, &call);
  if (stage_.random.chance(500)) hang_up();  // the other connection
  const locks::Outcome& outcome = call.outcome();
  if (const auto version = version_of(outcome)) read_[call.meant.lock] = *version;
  if (const auto* granted = std::get_if<locks::Granted>(&outcome)) token_ = granted->token;
  if (std::holds_alternative<locks::Unavailable>(outcome) && (finishing_ || stage_.random.chance(700))) {
    stage_.agenda.after(stage_.random.between(Time(1000), seconds(1)), [this, attempt = attempt_] {
      if (attempt == attempt_ && current_) ask_again();
    });
    return;
  }
  const Command asked = *std::exchange(current_, std::nullopt);
  const auto* acquire = std::get_if<Acquire>(&asked.what);
  const auto* renew = std::get_if<locks::Renew>(&asked.what);
  const bool about_session = session_ && session_->lock == asked.lock &&
                             ((acquire != nullptr && acquire->request == session_->acquire.request) ||
                              (renew != nullptr && renew->claim == session_->acquire.claim));
  if (about_session) return session_answered(outcome);
  rest_a_while();
}

// ---- waiting its turn

void Client::begin_session() {
  Random& random = stage_.random;
  Session session{some_lock(), {}, std::nullopt};
  session.acquire = intention(session.lock);
  if (random.chance(700)) session.acquire.claim = name_;
  session.acquire.begun = read_[session.lock];
  session.acquire.wait = std::chrono::floor<milliseconds>(random.stretched(milliseconds(100), seconds(20)));
  session_ = std::move(session);
  go_on();
}

void Client::go_on() {
  Session& session = *session_;
  Random& random = stage_.random;
  const Time now = stage_.agenda.now();
  if (!finishing_ && random.chance(20)) {
    stage_.happened("client vanished from its wait");
    session_.reset();
    return rest_a_while();
  }
  if (!finishing_ && random.chance(20)) {
    stage_.happened("client stayed away from its wait");
    return act_after(random.stretched(seconds(1), minutes(3)));
  }
  if (!session.token) {
    if (!finishing_ && random.chance(30)) return give_back();  // or rather withdraws
    return ask({session.lock, {}, session.acquire});
  }
  if (finishing_ || now >= session.hold_until) return give_back();
  if (!session.acquire.ttl) return act_after(session.hold_until - now);
  ask({session.lock, {}, locks::Renew{session.acquire.key, session.acquire.claim, session.token, std::nullopt}});
}

void Client::give_back() {
  Release release{.key = session_->acquire.key, .holder = holder_, .claim = session_->acquire.claim};
  if (stage_.random.chance(400)) release.request = session_->acquire.request;
  if (stage_.random.chance(300)) release.begun = session_->acquire.begun;
  const std::string lock = session_->lock;
  session_.reset();
  ask({lock, {}, release});
}

void Client::session_answered(const locks::Outcome& outcome) {
  Session& session = *session_;
  Random& random = stage_.random;
  const Time now = stage_.agenda.now();
  if (const auto* granted = std::get_if<locks::Granted>(&outcome)) {
    session.token = granted->token;
    session.hold_until = now + (finishing_ ? Time(0) : random.stretched(milliseconds(1), seconds(20)));
    return act_after(session.acquire.ttl ? std::min<Time>(*session.acquire.ttl / 3, seconds(5)) : Time(1000));
  }
  if (std::holds_alternative<locks::Queued>(outcome)) {
    return act_after(random.between(Time(0), milliseconds(200)));
  }
  if (const auto* renewed = std::get_if<locks::Renewed>(&outcome)) {
    const Time ttl = renewed->ttl.value_or(seconds(10));
    return act_after(std::min(ttl / 3, std::max(session.hold_until - now, Time(0))));
  }
  session_.reset();  // closed, superseded, refused for good, lapsed
  rest_a_while();
}

// ---- anything at all

std::string Client::some_lock() {
  return "lock " + std::to_string(stage_.random.below(stage_.profile.locks));
}
std::string Client::some_claim() {
  return "claim " + std::to_string(stage_.random.below(3));
}
std::string Client::some_key() {
  if (stage_.profile.crowd) return stage_.random.chance(25) ? "key 0" : "key 1";
  return "key " + std::to_string(stage_.random.below(stage_.profile.keys));
}

Acquire Client::plain() {
  Acquire acquire{.key = some_key(), .holder = holder_};
  if (stage_.random.chance(300)) acquire.metadata = {{"from", name_}};
  if (stage_.random.chance(stage_.profile.leased)) {
    acquire.ttl = std::chrono::floor<milliseconds>(stage_.random.stretched(milliseconds(500), seconds(15)));
  }
  return acquire;
}

Acquire Client::intention(const std::string& lock) {
  Acquire acquire = plain();
  acquire.claim = some_claim();
  acquire.request = name_ + " intention " + std::to_string(++intentions_);
  if (stage_.random.chance(700)) acquire.begun = read_[lock];
  return acquire;
}

Release Client::release() {
  Release release{.key = some_key(), .holder = holder_};
  release.all = stage_.random.chance(200);
  return release;
}

// Of whatever it took last.
std::optional<Command> Client::renewal() {
  for (auto one = past_.rbegin(); one != past_.rend(); ++one) {
    const auto* acquire = std::get_if<Acquire>(&one->what);
    if (acquire == nullptr) continue;
    locks::Renew renew{acquire->key, acquire->claim, std::nullopt, std::nullopt};
    if (acquire->claim.empty() || stage_.random.chance(500)) renew.token = token_.value_or(1);
    if (stage_.random.chance(300)) renew.ttl = milliseconds(100 + stage_.random.below(20'000));
    return Command{one->lock, {}, renew};
  }
  return std::nullopt;
}

Command Client::choose() {
  Random& random = stage_.random;
  Command command{some_lock(), {}, locks::Inspect{}};
  const auto kind = random.below(100);
  // What it took, it mostly gives back in the same words.
  const auto taken = std::find_if(past_.rbegin(), past_.rend(),
                                  [](const Command& one) { return std::holds_alternative<Acquire>(one.what); });
  if (kind < 8) return command;
  if (kind < 11) {
    command.what = locks::ForceRelease{"stuck"};
  } else if (kind < 18 && !past_.empty()) {
    return random.pick(past_);
  } else if (kind < 24) {
    return renewal().value_or(command);
  } else if (kind < 46 && taken != past_.rend()) {
    const auto& acquire = std::get<Acquire>(taken->what);
    Release release{.key = acquire.key, .holder = acquire.holder, .claim = acquire.claim};
    if (random.chance(400)) release.request = acquire.request;
    if (random.chance(300)) release.begun = acquire.begun;
    command.lock = taken->lock;
    command.what = std::move(release);
  } else if (kind < 54) {
    command.what = release();
  } else if (kind < 60) {
    Release by_name = release();
    by_name.claim = some_claim();
    if (random.chance(500))
      by_name.request = name_ + " intention " + std::to_string(1 + random.below(intentions_ + 1));
    if (random.chance(300)) by_name.begun = read_[command.lock];
    command.what = std::move(by_name);
  } else if (kind < 78) {
    command.what = plain();
  } else {
    command.what = intention(command.lock);
  }
  return command;
}

}  // namespace lockkeeper::simulation
