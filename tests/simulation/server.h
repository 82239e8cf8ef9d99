// One server of a world: a real engine that is stepped, its clocks, its connection to the store; it may be paused,
// killed and started again.
#pragma once

#include <deque>
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
  void submit(Asked& asked);  // lost if it is down

  void pause(Time until);
  void kill();
  void jump(Time by);
  void stall(Time until);
  void fill(Time until);

  const std::string& name() const { return name_; }
  std::size_t unanswered() const { return waiting_.size(); }

 private:
  void deliver(engine::Call* chain) noexcept override;
  void swap_answers(engine::Call* chain);
  void wake_after(Time delay, Agenda::Kind kind);
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
  std::uint64_t life_ = 0;
  std::uint64_t planned_ = 0;  // numbers the planned steps; only the latest plan counts
  Time next_step_{-1};         // -1: none planned
  Agenda::Kind next_kind_ = Agenda::Kind::background;
  Time paused_{0};
};

}  // namespace lockkeeper::simulation
