// The sequential specification of one lock: what one command after the other does, and nothing else.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "locks/decide.h"

namespace lockkeeper::simulation {

// The rules themselves, applied in turn. Stands in for the model of the rules where that lags behind them.
class RulesInTurn {
 public:
  RulesInTurn(locks::Version floor, const locks::Limits&) : record_(locks::absent(floor)) {}

  locks::Outcome ask(const locks::Command& command, const locks::Circumstances& around) {
    locks::Decision decision = locks::decide(record_, command, around);
    take(std::move(decision.change));
    return std::move(decision.outcome);
  }
  bool hand_over(const locks::Circumstances& around) {
    take(locks::hand_over(record_, around));
    return !events_.empty();
  }
  const std::vector<locks::Event>& events() const { return events_; }
  const locks::Record& record() const { return record_; }

 private:
  void take(std::optional<locks::Change> change) {
    events_.clear();
    if (!change) return;
    locks::apply(record_, *change);
    events_ = std::move(change->events);
  }

  locks::Record record_;
  std::vector<locks::Event> events_;
};

using Sequential = RulesInTurn;

}  // namespace lockkeeper::simulation
