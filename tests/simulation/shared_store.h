// The one store behind all servers of a world: the model store, whose every change passes the checks.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/store.h"
#include "stores/memory/memory_store.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/hearing.h"
#include "tests/simulation/lease_watch.h"
#include "tests/simulation/linearizability.h"
#include "tests/simulation/stage.h"
#include "tests/simulation/virtual_boot_clock.h"

namespace lockkeeper::simulation {

// Who is told of changes.
class Watcher {
 public:
  virtual void happened(const engine::Changed& what) = 0;

 protected:
  ~Watcher() = default;
};

class SharedStore final : private engine::Completions {
 public:
  using Question = decltype(engine::Operation::question);
  using Answer = decltype(engine::Operation::answer);

  SharedStore(Stage& stage, Linearizability& history, Hearing& hearing);

  // At this instant, whole.
  Answer carry_out(const Origin& origin, const Question& question);

  void add(Watcher& watcher) { watchers_.push_back(&watcher); }
  void remove(Watcher& watcher) { std::erase(watchers_, &watcher); }

  // A planted bug: whoever else was told.
  void give_back(const Origin& origin, const locks::Command& words);

  std::optional<locks::Record> record(const std::string& lock);
  void look_for_late() { leases_.look_for_late(); }
  // The machine of a server alone started anew: its boot clock means nothing any more.
  void reboot() { stage_.bug == Bug::boot_not_noticed ? boot_.next_unnoticed() : boot_.next(); }
  std::uint64_t commits() const { return commits_; }

 private:
  void completed(engine::Operation*) noexcept override {}  // operations are its own, and done at once

  Answer memory(Question question);
  Answer commit(const Origin& origin, engine::Commit commit);
  Answer prune(const Origin& origin, const engine::Prune& prune);
  Answer read(const engine::Read& read);
  engine::Commit as_it_gets_in(engine::Commit commit, const engine::Found& now) const;
  void bend(engine::Commit& commit, const engine::Found& now);  // planted bugs that get it past its condition

  Stage& stage_;
  Checker checker_;
  LeaseWatch leases_;
  Linearizability& history_;
  Hearing& hearing_;
  VirtualBootClock boot_;
  stores::MemoryStore memory_;
  std::vector<Watcher*> watchers_;
  std::uint64_t commits_ = 0;
  std::map<std::string, locks::Record> before_;  // the last change, for a planted bug
};

}  // namespace lockkeeper::simulation
