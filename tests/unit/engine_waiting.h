// An engine in which time passes as it does on a machine: turn by turn, none longer than a second.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "locks/decide.h"
#include "tests/support/stepped_engine.h"

namespace lockkeeper::test {

class WaitingEngine : public SteppedEngine {
 protected:
  using milliseconds = std::chrono::milliseconds;

  static locks::Command waits(const std::string& claim, milliseconds wait, const std::string& key = {},
                              const std::string& request = "r") {
    return {"prod",
            {"", "test"},
            locks::Acquire{.key = key.empty() ? "key of " + claim : key,
                           .holder = "holder of " + claim,
                           .claim = claim,
                           .request = request,
                           .wait = wait}};
  }
  static locks::Command leased(const std::string& claim, milliseconds ttl) {
    return {
        "prod",
        {"", "test"},
        locks::Acquire{
            .key = "key of " + claim, .holder = "holder of " + claim, .claim = claim, .request = "r", .ttl = ttl}};
  }
  static locks::Command ends(const std::string& claim, const std::string& key = {}) {
    return {"prod",
            {"", "test"},
            locks::Release{.key = key.empty() ? "key of " + claim : key, .holder = "x", .claim = claim}};
  }
  static locks::Command renews(const std::string& claim) {
    return {"prod", {"", "test"}, locks::Renew{.key = "key of " + claim, .claim = claim}};
  }

  void pass(milliseconds time) {
    for (; time.count() > 0; time -= milliseconds(500)) {
      clock_.advance(std::min(time, milliseconds(500)));
      settle();
    }
  }
  locks::Record record() {
    return std::get<engine::Found>(store_.elsewhere(engine::Read{"prod"}).answer).record.value_or(locks::Record{});
  }
  std::vector<std::string> history() {
    std::vector<std::string> told;
    engine::ReadHistory all{.lock = "prod", .limit = 1000};
    const engine::Operation read = store_.elsewhere(all);
    for (const auto& event : std::get<engine::HistoryRead>(read.answer).events) {
      told.push_back(std::string(text(event.what)) + (event.claim.empty() ? "" : " " + event.claim));
    }
    return told;
  }
  // The server ends without a word, and another comes up over the same file.
  void restart() {
    engine_.reset();
    start();
    settle();
  }
};

}  // namespace lockkeeper::test
