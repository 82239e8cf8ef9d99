// An engine over a store that other servers change too.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "tests/unit/engine_waiting.h"

namespace lockkeeper::test {

class SharingEngine : public WaitingEngine {
 protected:
  SharingEngine() {
    store_.alone = false;
    settings_.change_prefix = "here ";
    settings_.look_again = std::chrono::hours(1);  // what is found sooner was heard of, or looked for
  }

  locks::Record record_of(const std::string& lock) {
    const auto found = std::get<engine::Found>(store_.elsewhere(engine::Read{lock}).answer);
    return found.record.value_or(locks::absent(found.floor));
  }
  // What another server does; the version that it brings about.
  locks::Version elsewhere(const locks::Command& command) {
    const auto found = std::get<engine::Found>(store_.elsewhere(engine::Read{command.lock}).answer);
    const auto record = found.record.value_or(locks::absent(found.floor));
    locks::Circumstances around{clock_.wall(), settings_.limits, settings_.terms};
    around.committed = record.head.version;
    auto decision = locks::decide(record, command, around);
    if (!decision.change) {
      ADD_FAILURE() << "nothing changes";
      return 0;
    }
    decision.change->creates = !found.record;
    for (auto& event : decision.change->events) event.change = "elsewhere " + std::to_string(event.version);
    const auto answer = store_.elsewhere(engine::Commit{command.lock, *decision.change}).answer;
    EXPECT_TRUE(std::holds_alternative<engine::Committed>(answer));
    return decision.change->head.version;
  }
  static locks::Command lease(const std::string& lock, const std::string& claim) {
    return {lock,
            {"", "test"},
            locks::Acquire{.key = "key of " + claim,
                           .holder = "h",
                           .claim = claim,
                           .request = "r",
                           .ttl = std::chrono::seconds(30)}};
  }
  std::size_t reads() const { return store_.all_begun<engine::Read>().size(); }
  std::size_t scans() const { return store_.all_begun<engine::Scan>().size(); }
};

}  // namespace lockkeeper::test
