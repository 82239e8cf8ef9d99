// The stage of decide_test.cpp and decide_named_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "locks/decide.h"

namespace lockkeeper::locks {

// One lock and those who ask for it. Time stands still unless a story lets it pass.
class RulesStory : public testing::Test {
 protected:
  template <class What>
  Outcome ask(What what) {
    const Decision decision = decide(record, Command{"prod", {"ann", "locker"}, std::move(what)}, now, limits);
    if (decision.change) {
      apply(record, *decision.change);
      history.insert(history.end(), decision.change->events.begin(), decision.change->events.end());
    }
    changed = decision.change.has_value();
    return decision.outcome;
  }

  // Expects an answer of that kind.
  template <class Answer, class What>
  Answer get(What what) {
    const Outcome outcome = ask(std::move(what));
    if (const auto* answer = std::get_if<Answer>(&outcome)) return *answer;
    ADD_FAILURE() << "an answer of kind " << outcome.index();
    return {};
  }

  static Acquire by(const std::string& holder, const std::string& key = "k") {
    return {key, holder, "", "", std::nullopt, {}};
  }
  static Acquire named(const std::string& claim, const std::string& request, std::optional<Version> begun = {},
                       const std::string& holder = "h", const std::string& key = "k") {
    return {key, holder, claim, request, begun, {}};
  }
  static Release from(const std::string& holder, const std::string& key = "k") {
    return {key, holder, "", "", std::nullopt, false};
  }
  static Release all_of(const std::string& holder) { return {"k", holder, "", "", std::nullopt, true}; }
  static Release by_name(const std::string& claim, const std::string& key = "k") {
    return {key, "h", claim, "", std::nullopt, false};
  }
  static Release withdrawal(const std::string& claim, const std::string& request, std::optional<Version> begun = {},
                            const std::string& key = "k") {
    return {key, "h", claim, request, begun, false};
  }

  Version version() const { return record.head.version; }
  bool is_free() const { return !held(record) && record.head.key.empty(); }

  Record record = absent(0);
  WallTime now{std::chrono::hours(1)};
  Limits limits;
  std::vector<Event> history;
  bool changed = false;
};

}  // namespace lockkeeper::locks
