#include "tests/simulation/connection.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "tests/simulation/mutations.h"

namespace lockkeeper::simulation {

using engine::Commit;
using engine::Failed;
using engine::Operation;
using engine::Prune;
using std::chrono::minutes;
using std::chrono::seconds;

Connection::Connection(Stage& stage, SharedStore& store, std::size_t server, std::uint64_t life,
                       std::function<void()> wake)
    : stage_(stage), store_(store), server_(server), life_(life), wake_(std::move(wake)) {}

void Connection::open(engine::Completions& completions) {
  completions_ = &completions;
  if (watches()) store_.add(*this);
}

// Each on its way of its own: they pass each other.
void Connection::happened(const engine::Changed& what) {
  if (deaf_ > stage_.agenda.now() || stage_.bug == Bug::watch_ignored) return;
  Random& random = stage_.random;
  engine::Changed told = what;
  if (random.chance(50)) told.version = 0;
  tell_of(told, latency());
  if (random.chance(stage_.profile.told_twice)) tell_of(told, latency() + random.between(Time(0), seconds(3)));
}

void Connection::tell_of(const engine::Changed& what, Time delay) {
  stage_.agenda.after(delay, [this, what] {
    if (completions_ == nullptr) return;
    completions_->changed({what});
    wake_();
  });
}

void Connection::lose_watch(Time until) {
  if (!watches()) return;
  stage_.happened("watch interrupted");
  deaf_ = std::max(deaf_, until);
  stage_.agenda.at(until, [this] {
    if (completions_ == nullptr || deaf_ > stage_.agenda.now() || stage_.bug == Bug::missed_ignored) return;
    completions_->missed();
    wake_();
  });
}

void Connection::go_away(Time until) {
  away_ = until;
  lose_watch(until);
}

bool Connection::exclusive() const {
  return stage_.profile.alone || stage_.bug == Bug::shared_taken_for_exclusive;
}

void Connection::begin(Operation* chain) {
  while (chain != nullptr) send(*std::exchange(chain, std::exchange(chain->next, nullptr)));
}

void Connection::close() {
  store_.remove(*this);
  completions_ = nullptr;
  for (const FlightPointer& flight : flights_) {
    flight->operation = nullptr;
    if (flight->carried_out) continue;
    // What a dead process had begun on its own disk happened before the next one looks, or never does.
    stage_.happened("killed during an operation");
    const bool never = stage_.random.chance(400);
    if (!never && stage_.profile.alone) carry_out(*flight);
    flight->carried_out = never || flight->carried_out;
  }
  flights_.clear();
}

std::string Connection::lock_changed_by(const Flight& flight) const {
  if (const auto* commit = std::get_if<Commit>(&flight.question)) return commit->lock;
  if (const auto* prune = std::get_if<Prune>(&flight.question)) return prune->lock;
  return "";
}

Time Connection::latency() {
  const Time usual = stage_.profile.latency;
  Time delay = stage_.random.between(usual / 2, usual * 2);
  if (stage_.faults && stage_.random.chance(stage_.profile.slow))
    delay += stage_.random.between(Time(0), seconds(20));
  return delay;
}

void Connection::send(Operation& operation) {
  auto flight =
      std::make_shared<Flight>(Flight{operation.question, &operation, {server_, life_, stage_.next_moment()}, {}});
  flights_.push_back(flight);
  if (const std::string lock = lock_changed_by(*flight); !lock.empty() && ++changing_[lock] > 1) {
    stage_.fail("server " + std::to_string(server_) + " began a second change of " + lock +
                " while one is under way");
  }
  const Time now = stage_.agenda.now();
  if (const auto* commit = std::get_if<Commit>(&flight->question)) {
    const auto unknown = unknown_.find(commit->lock);
    if (unknown != unknown_.end() && unknown->second == commit->change.events.front().change) {
      stage_.happened("unknown commit begun again");
    }
  }
  if (stage_.faults && away_ > now) return fails_after(flight, Time(10), {Failed::Kind::unavailable, "away"});
  const Time there = (stage_.faults ? std::max(stalled_ - now, Time(0)) : Time(0)) + latency();
  if (stage_.faults && full_ > now && std::holds_alternative<Commit>(flight->question)) {
    return fails_after(flight, there, {Failed::Kind::no_room, "no room"});
  }
  if (stage_.faults && stage_.random.chance(stage_.profile.fails)) {
    return fails_after(flight, there, {Failed::Kind::unavailable, "the store is away"});
  }
  if (planted(flight, there)) return;
  if (stage_.faults && !lock_changed_by(*flight).empty() && change_fate(flight, there)) return;
  round_trip(flight, there);
}

bool Connection::change_fate(const FlightPointer& flight, Time there) {
  const Failed unknown{Failed::Kind::unknown, "the reply was lost"};
  Random& random = stage_.random;
  if (random.chance(stage_.profile.reply_lost)) {
    stage_.happened("reply lost");
    arrive_after(flight, there);
    fails_after(flight, there + latency(),
                stage_.bug == Bug::unknown_told_as_failed ? Failed{Failed::Kind::unavailable, "away"} : unknown);
    return true;
  }
  if (random.chance(stage_.profile.vanishes)) {
    fails_after(flight, there, unknown);
    return true;
  }
  if (random.chance(stage_.profile.late)) {
    stage_.happened("late write");
    fails_after(flight, there, unknown);
    arrive_after(flight, there + random.stretched(std::chrono::milliseconds(1), minutes(1)));
    return true;
  }
  return false;
}

bool Connection::planted(const FlightPointer& flight, Time there) {
  if (!std::holds_alternative<Commit>(flight->question)) return false;
  const auto brings = [&](locks::What what) {
    const auto& events = std::get<Commit>(flight->question).change.events;
    return std::any_of(events.begin(), events.end(), [&](const auto& event) {
      return event.what == what && (what != locks::What::renewed || event.token == 0);
    });
  };
  if ((stage_.bug == Bug::offer_never_passed_on && brings(locks::What::offer_lapsed)) ||
      (stage_.bug == Bug::place_not_kept && brings(locks::What::renewed))) {
    fails_after(flight, there, {Failed::Kind::unavailable, "planted"});
    return true;
  }
  if (stage_.shows(Bug::acknowledge_without_commit, 30)) {
    flight->answer = engine::Committed{};
    come_back_after(flight, there);
    return true;
  }
  if (stage_.shows(Bug::acknowledge_before_commit, 300)) {
    flight->answer = engine::Committed{};
    come_back_after(flight, Time(1));
    arrive_after(flight, there);
    return true;
  }
  if (stage_.shows(Bug::commit_twice, 100)) {
    auto again = std::make_shared<Flight>(Flight{flight->question, nullptr, flight->origin, {}});
    stage_.agenda.after(there * 4, [this, again] {
      auto& commit = std::get<Commit>(again->question);
      const auto record = store_.record(commit.lock);
      if (!record) return;
      commit.change.creates = false;
      renumber(commit.change, record->head.version);
      store_.carry_out(again->origin, commit);
    });
  }
  return false;
}

void Connection::carry_out(Flight& flight) {
  if (flight.carried_out) return;  // its fate was decided by a kill
  flight.carried_out = true;
  flight.origin.late = flight.returned || flight.operation == nullptr;
  SharedStore::Answer answer = store_.carry_out(flight.origin, flight.question);
  if (flight.returned) return;
  flight.answer = std::move(answer);
  plant_in_answer(flight);
}

void Connection::plant_in_answer(Flight& flight) {
  if (auto* history = std::get_if<engine::HistoryRead>(&flight.answer)) {
    stage_.happened("history asked");
    const auto& lock = std::get<engine::ReadHistory>(flight.question).lock;
    if (history->events.empty()) return;
    if (stage_.bug == Bug::unknown_taken_for_committed) history->events.front().change = unknown_[lock];
    if (stage_.bug == Bug::unknown_taken_for_failed) history->events.front().change = "of somebody else";
  }
  if (stage_.bug != Bug::refusal_from_cache || stage_.profile.alone) return;
  auto* found = std::get_if<engine::Found>(&flight.answer);
  if (found == nullptr || !found->record) return;
  const locks::Record now = *found->record;
  auto& last = last_read_[std::get<engine::Read>(flight.question).lock];
  if (locks::held(last) && stage_.random.chance(300)) found->record = last;
  last = now;
}

void Connection::arrive_after(const FlightPointer& flight, Time delay) {
  stage_.agenda.after(delay, [this, flight] { carry_out(*flight); });
}

void Connection::round_trip(const FlightPointer& flight, Time there) {
  arrive_after(flight, there);
  come_back_after(flight, there + latency());
}

void Connection::fails_after(const FlightPointer& flight, Time delay, Failed failed) {
  stage_.agenda.after(delay, [this, flight, failed = std::move(failed)] {
    flight->answer = failed;
    if (const auto* commit = std::get_if<Commit>(&flight->question);
        commit != nullptr && failed.kind == Failed::Kind::unknown) {
      unknown_[commit->lock] = commit->change.events.front().change;
    }
    come_back_after(flight, Time(0));
  });
}

void Connection::come_back_after(const FlightPointer& flight, Time delay) {
  stage_.agenda.after(delay, [this, flight] {
    if (flight->operation == nullptr) return;
    std::erase(flights_, flight);
    flight->returned = true;
    if (const std::string lock = lock_changed_by(*flight); !lock.empty()) --changing_[lock];
    engine::Operation& operation = *std::exchange(flight->operation, nullptr);
    operation.answer = std::move(flight->answer);
    completions_->completed(&operation);
    wake_();
  });
}

}  // namespace lockkeeper::simulation
