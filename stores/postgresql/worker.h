// The thread that asks PostgreSQL: takes all that was begun, gives each idle connection all of one kind that waits,
// and polls. While no connection is left it answers everything at once, and connections are tried for
// (connector.h).
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "engine/inbox.h"
#include "stores/postgresql/connector.h"
#include "stores/postgresql/opening.h"
#include "stores/postgresql/options.h"
#include "stores/postgresql/questions.h"
#include "stores/postgresql/watch.h"

namespace lockkeeper::stores::postgresql {

class Worker {
 public:
  Worker(const Options& options, Opened opened, Say warn, engine::Completions& completions);
  ~Worker();  // after everything begun has come back

  void begin(engine::Operation* chain);
  bool ready() const { return !away_; }

 private:
  struct Lane {
    std::unique_ptr<Connection> connection;
    Batch batch;  // under way
    Kind kind = Kind::other;
    Time until;  // the answer has to be there
  };
  struct Waiting {
    engine::Operation* operation;
    Time since;
  };
  using Queue = std::deque<Waiting>;
  static constexpr std::size_t kinds = 4;

  void run();
  bool through() const;
  void take_begun(Time now);
  void take_connections(Time now);
  void start_queries();
  bool start(Lane& lane, Kind kind);
  std::size_t under_way(Kind kind) const;
  void wait();
  bool few_under_way() const;
  void look(Lane& lane);
  void finish(Lane& lane);
  void give_up_late(Time now);
  void drop(Lane& lane);
  void go_away(const std::string& why);
  void come_back(Time now);
  engine::Failed explain(Kind kind, const Fault& fault) const;
  void fail(Batch& batch, const engine::Failed& failed);
  void give_back(Batch& batch);
  void want_connections();
  Time next() const;
  // What is asked so late has time enough left to be answered, unless PostgreSQL is frozen.
  auto longest_in_queue() const { return options_.timeout * 3 / 4; }

  const Options& options_;
  const Say warn_;
  engine::Completions& completions_;
  Questions questions_;
  Bell bell_;
  engine::Inbox<engine::Operation> begun_;
  std::atomic<bool> closing_ = false;
  std::atomic<bool> away_ = false;
  std::atomic<bool> asleep_ = false;
  std::string away_because_;
  std::vector<Lane> lanes_;
  std::array<Queue, kinds> waiting_;
  std::size_t last_together_ = 0;
  std::size_t turn_ = 0;  // whose turn it is first
  std::unique_ptr<Connector> connector_;
  Watch watch_;
  std::thread thread_;
};

}  // namespace lockkeeper::stores::postgresql
