// Whether what lapsed was due, by the world's time, which no engine knows.
//   - Never early: a lease, an offer, a place and a bounded hold lapse no sooner than their span after the store
//     took what they count from, whatever servers were paused, killed and started, and clocks jumped, meanwhile. A
//     server may count from later, never from earlier.
//   - In time: in a world without faults, at most kLate after it was due.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "locks/change.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

class LeaseWatch {
 public:
  explicit LeaseWatch(Stage& stage) : stage_(stage) {}

  void committed(const std::string& lock, const locks::Change& change, const locks::Record& after);

  // Looks for what should have lapsed by now. Only of use in a world without faults.
  void look_for_late();

 private:
  struct Timer {
    locks::Version mark;
    Time since;
    Time span;
    std::string holder;
  };
  // By the row's kind and id, and whether it is the max_hold of a claim.
  using TimerId = std::pair<locks::RowId, bool>;
  using Timers = std::map<TimerId, Timer>;

  void lapsed(const std::string& lock, const Timers& timers, const locks::Event& event,
              const locks::Change& change);
  static Timers::const_iterator nameless_place(const Timers& timers, const locks::Event& event,
                                               const locks::Change& change);
  static Timers timers_of(const locks::Record& record, Time now);

  Stage& stage_;
  std::map<std::string, Timers> locks_;
};

}  // namespace lockkeeper::simulation
