// The loop: hears of released gates, resumes their workflows, deletes the gates. What to do with a workflow is
// a Route's matter, what to do when is the Schedule's.
//
// Threads: feed() on one, work() and wait() on any number, each with a Route and Gates of its own. A test calls
// them in turn and owns the clock.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "agent/clock.h"
#include "agent/gates.h"
#include "agent/leader.h"
#include "agent/log.h"
#include "agent/route.h"
#include "agent/schedule.h"
#include "agent/tally.h"

namespace lockkeeper::agent {

struct AgentSettings {
  ScheduleSettings schedule;
  std::chrono::milliseconds poll = std::chrono::seconds(25);  // how long the lock API keeps its answer back
  // A gate that was read longer ago is read again before its workflow is touched: it may be deleted by now.
  std::chrono::milliseconds fresh_for = std::chrono::seconds(5);
  bool always_look = false;  // for a route without a mark
};

class Agent {
 public:
  Agent(AgentSettings settings, Clock& clock, Leader& leader, Log& log, Tally& tally);

  // Leads, or tries to, and asks the lock API once. Returns how long to wait before the next call.
  std::chrono::milliseconds feed(Gates& gates);

  // Does what is due with one gate. False: nothing is, or we do not lead.
  bool work(Gates& gates, Route& route);

  // Until work() may find something, or stop().
  void wait();
  void stop();  // no new work; what is under way goes on
  bool stopping() const;

  Schedule::Waiting waiting() const;
  std::chrono::steady_clock::time_point next() const;  // when something is due

 private:
  std::optional<Schedule::Task> take();
  Outcome attempt(const Schedule::Task& task, Gates& gates, Route& route);
  Outcome remove(const client::Gate& gate, Gates& gates);
  void look(const client::Gate& gate, Gates& gates);
  void write_note(const client::Gate& gate, const std::string& text, Gates& gates);
  void tell(const client::Gate& gate, const Schedule::Verdict& verdict);
  void finish(const client::Gate& gate, const Outcome& outcome, Gates& gates);

  const AgentSettings settings_;
  Clock& clock_;
  Leader& leader_;
  Log& log_;
  Tally& tally_;

  // feed()'s own
  std::string cursor_;
  bool led_ = false;
  unsigned feed_failures_ = 0;
  std::string feed_told_;

  mutable std::mutex mutex_;  // of what is below
  std::condition_variable changed_;
  Schedule schedule_;
  bool stopping_ = false;
};

}  // namespace lockkeeper::agent
