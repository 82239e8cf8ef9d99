// One server of a world: a real engine that is stepped, its clocks, its connection to the store; it may be paused,
// killed and started again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/engine.h"
#include "tests/simulation/connection.h"
#include "tests/simulation/shared_store.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

// Whoever listens to answers.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void answered(Asked& asked) = 0;
};

class Server final : private engine::Mailbox {
 public:
  Server(Stage& stage, SharedStore& store, Linearizability& history, Listener& listener, std::size_t number);

  void start();
  std::size_t number() const { return number_; }
  bool up() const { return engine_ != nullptr; }
  bool lives(std::uint64_t life) const { return up() && life_ == life; }
  void submit(Asked& asked);  // lost if it is down

  void pause(Time until);
  void kill();
  void jump(Time by);
  void stall(Time until);
  void fill(Time until);
  void go_away(Time until);
  void lose_watch(Time until);

  const std::string& name() const { return name_; }
  // Looks for answers that should have left by now. Only of use in a world without faults.
  void look_for_late();
  // A poll of that intention that has been open since then, and whose client is there; nullptr: none, or the server
  // was told nothing for a while since.
  const Asked* open_poll(const std::string& lock, const std::string& request, Time since) const;
  std::size_t unanswered() const { return waiting_.size(); }

 private:
  void deliver(engine::Call* chain) noexcept override;
  void wake_after(Time delay, Agenda::Kind kind);  // at some time until then
  void wake_at(Time when, Agenda::Kind kind);
  Time wait_of(const Asked& poll) const;
  void look_for_early(const Asked& asked);

  // Planted bugs.
  void swap_answers(engine::Call* chain);
  bool swallowed(const Asked& asked);
  void wake_two(Asked& asked);
  void lapse_something();
  void lapse_later(const Asked& renewal);
  void say_lapse(const std::string& lock, const locks::Lapse& lapse);
  void step();

  Stage& stage_;
  SharedStore& store_;
  Linearizability& history_;
  Listener& listener_;
  const std::size_t number_;
  const std::string name_;
  VirtualClock clock_;
  std::deque<Connection> connections_;  // of all its lives; what is on its way refers to them
  std::unique_ptr<engine::Engine> engine_;
  std::set<Asked*, bool (*)(const Asked*, const Asked*)> waiting_;  // for an answer of this life, by number
  std::map<std::string, std::size_t> latest_polls_;                 // by lock and request; numbers
  std::map<std::string, locks::Granted> handed_;                    // the last to a poll, for a planted bug
  std::uint64_t life_ = 0;
  std::uint64_t planned_ = 0;  // numbers the planned steps; only the latest plan counts
  Time next_step_{-1};         // -1: none planned
  Agenda::Kind next_kind_ = Agenda::Kind::background;
  Time paused_{0};
};

}  // namespace lockkeeper::simulation
