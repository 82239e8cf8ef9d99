#include "agent/agent.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "wire/time_text.h"

namespace lockkeeper::agent {

using std::chrono::milliseconds;
using Kind = Outcome::Kind;
using Next = Treatment::Next;
using Task = Schedule::Task;

namespace {

constexpr Backoff kFeedRetry{std::chrono::seconds(1), std::chrono::seconds(30)};
constexpr std::chrono::seconds kStandby{1};
constexpr std::size_t kMostWoken = 256;

std::string place(const client::Gate& gate) {
  return gate.workflow_namespace + "/" + gate.workflow;
}

std::string done_text(const Outcome& outcome) {
  if (outcome.kind == Kind::resumed) return " is resumed";
  if (outcome.kind == Kind::marked) return " was resumed for it before";
  return " is already " + outcome.why;
}

// What went wrong with the lock API, as an outcome of `kind`.
template <typename Ask>
std::optional<Outcome> failure_of(Kind kind, const Ask& ask) {
  try {
    ask();
    return std::nullopt;
  } catch (const client::ServerError& error) {
    return Outcome{kind, error.what(), error.retry_after};
  } catch (const http::HttpError& error) {
    // A confirmed resume must not be forgotten, so its deletion is tried again, interrupted or not.
    const bool ended = error.kind == http::HttpError::Kind::interrupted && kind != Kind::not_deleted;
    return Outcome{ended ? Kind::interrupted : kind, error.what(), std::nullopt};
  }
}

// An absent workflow is given up after a time that may be longer than any agent's life: the gate's note says since
// when.
void say_since(const client::Gate& gate, std::chrono::sys_seconds now, Outcome& outcome) {
  const std::string said = outcome.why + " since ";
  const auto at = gate.note.find(said);
  const std::string noted = at == std::string::npos ? "" : gate.note.substr(at + said.size());
  const auto since = wire::parse_time(noted);
  outcome.since = since ? noted : wire::time_text(now);
  if (since)
    outcome.lasted = std::max(now - std::chrono::floor<std::chrono::seconds>(*since), std::chrono::seconds(0));
}

}  // namespace

Agent::Agent(AgentSettings settings, Clock& clock, Leader& leader, Log& log, Tally& tally)
    : settings_(std::move(settings)),
      clock_(clock),
      leader_(leader),
      log_(log),
      tally_(tally),
      schedule_(settings_.schedule) {}

milliseconds Agent::feed(Gates& gates) {
  tally_.leads = leader_.leads();
  if (!led_ || !leader_.leads()) {
    led_ = false;
    const milliseconds pause = leader_.campaign();
    if (!leader_.leads()) return std::max(pause, milliseconds(1));
    led_ = tally_.leads = true;
    cursor_.clear();  // what another did meanwhile is not known here: from the start
    tally_.api_away = false;
    const std::scoped_lock lock(mutex_);
    schedule_.clear();
  }
  std::string why;
  std::optional<std::chrono::seconds> retry_after;
  try {
    client::GateFeed page = gates.released(cursor_, settings_.poll);
    const auto now = clock_.now();
    {
      const std::scoped_lock lock(mutex_);
      for (const client::Gate& gate : page.gates) schedule_.offer(gate, now);
    }
    for (std::size_t woken = 0; woken < std::min(page.gates.size(), kMostWoken); ++woken) changed_.notify_one();
    cursor_ = std::move(page.cursor);
    feed_failures_ = 0;
    if (!std::exchange(feed_told_, "").empty()) log_.say(LogLevel::info, "the lock API answers again");
    return milliseconds(0);
  } catch (const client::ServerError& error) {
    why = error.what();
    retry_after = error.retry_after;
  } catch (const http::HttpError& error) {
    if (error.kind == http::HttpError::Kind::interrupted) return milliseconds(1);
    why = error.what();
  } catch (const std::exception& error) {
    why = error.what();
  }
  ++tally_.feed_failures;
  if (std::exchange(feed_told_, why) != why) log_.say(LogLevel::error, "the lock API tells of no gates: " + why);
  return pause_after(++feed_failures_, kFeedRetry, clock_.random(), retry_after);
}

std::optional<Task> Agent::take() {
  if (!leader_.leads()) return std::nullopt;
  const auto now = clock_.now();
  const std::scoped_lock lock(mutex_);
  if (stopping_) return std::nullopt;
  return schedule_.take(now);
}

bool Agent::work(Gates& gates, Route& route) {
  const std::optional<Task> task = take();
  if (!task) return false;
  switch (task->what) {
    case Task::What::note:
      write_note(task->gate, task->text, gates);
      break;
    case Task::What::look:
      look(task->gate, gates);
      break;
    case Task::What::remove:
      finish(task->gate, remove(task->gate, gates), gates);
      break;
    case Task::What::resume:
      finish(task->gate, attempt(*task, gates, route), gates);
      break;
  }
  return true;
}

Outcome Agent::attempt(const Task& task, Gates& gates, Route& route) {
  try {
    if (settings_.always_look || clock_.now() - task.read > settings_.fresh_for) {
      std::optional<client::Gate> gate;
      if (auto failed = failure_of(Kind::gates_away, [&] { gate = gates.get(task.gate.id); })) return *failed;
      if (!gate || gate->status != "released" || gate->created != task.gate.created) return {Kind::gone, "", {}};
    }
    Outcome outcome = route.resume(task.gate);
    if (outcome.kind == Kind::absent) say_since(task.gate, clock_.wall(), outcome);
    if (treatment(outcome.kind).next != Next::remove) return outcome;
    if (outcome.kind == Kind::resumed) tally_.resumed_after(clock_.now() - task.offered);
    log_.say(LogLevel::info, "gate " + task.gate.id + ": " + place(task.gate) + done_text(outcome));
    const Outcome removed = remove(task.gate, gates);
    if (removed.kind == Kind::gone) return outcome;
    tally_.count(outcome.kind);
    return removed;
  } catch (const std::exception& error) {
    return {Kind::cannot, error.what(), {}};
  }
}

// Only after the resume was confirmed.
Outcome Agent::remove(const client::Gate& gate, Gates& gates) {
  if (auto failed = failure_of(Kind::not_deleted, [&] { gates.remove(gate.id); })) return *failed;
  ++tally_.deleted;
  return {Kind::gone, "", {}};
}

void Agent::look(const client::Gate& gate, Gates& gates) {
  bool there = true;
  failure_of(Kind::gates_away, [&] { there = gates.get(gate.id).has_value(); });
  const std::scoped_lock lock(mutex_);
  schedule_.looked(gate.id, there, clock_.now());
}

void Agent::write_note(const client::Gate& gate, const std::string& text, Gates& gates) {
  // That it failed is told by the next poll; the next try writes it again.
  if (failure_of(Kind::gates_away, [&] { gates.note(gate.id, text); })) return;
  const std::scoped_lock lock(mutex_);
  schedule_.noted(gate.id, text);
}

void Agent::finish(const client::Gate& gate, const Outcome& outcome, Gates& gates) {
  Schedule::Verdict verdict;
  {
    const std::scoped_lock lock(mutex_);
    verdict = schedule_.done(gate.id, outcome, clock_.now(), clock_.random());
  }
  const Next next = treatment(verdict.outcome.kind).next;
  if (verdict.api_is_back || (next != Next::remove && next != Next::forget)) changed_.notify_all();
  if (verdict.outcome.kind != Kind::gone) tally_.count(verdict.outcome.kind);
  tell(gate, verdict);
  if (verdict.note) write_note(gate, *verdict.note, gates);
}

void Agent::tell(const client::Gate& gate, const Schedule::Verdict& verdict) {
  if (verdict.api_is_back) {
    tally_.api_away = false;
    log_.say(LogLevel::info, "the API answers again");
  }
  if (!verdict.news) return;
  if (verdict.whole_api) {
    tally_.api_away = true;
    log_.say(LogLevel::error,
             std::string("all gates wait (") + treatment(verdict.outcome.kind).label + "): " + verdict.outcome.why);
    return;
  }
  const char* what = verdict.outcome.kind == Kind::not_deleted ? " is not deleted yet: " : " waits: ";
  log_.say(LogLevel::warn, "gate " + gate.id + " (" + place(gate) + ")" + what + verdict.outcome.why);
}

void Agent::wait() {
  const bool leads = leader_.leads();
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  const auto now = std::chrono::steady_clock::now();
  const auto next = leads ? schedule_.next(now) : now + kStandby;
  // Not longer than that, since nobody tells when the lead is won or lost.
  changed_.wait_until(lock, std::min(next, now + kStandby));
}

void Agent::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

bool Agent::stopping() const {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

Schedule::Waiting Agent::waiting() const {
  const std::scoped_lock lock(mutex_);
  return schedule_.waiting();
}

Clock::Time Agent::next() const {
  const std::scoped_lock lock(mutex_);
  return schedule_.next(clock_.now());
}

}  // namespace lockkeeper::agent
