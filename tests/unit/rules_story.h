// The stage of decide_*_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "locks/decide.h"

namespace lockkeeper::locks {

// Those who are there to be told that they have the lock.
class OpenPolls final : public Polls {
 public:
  bool open(const std::string& claim, const std::string& request) const override {
    return open_.count({claim, request}) != 0;
  }
  void insert(const std::string& claim, const std::string& request) { open_.emplace(claim, request); }

 private:
  std::set<std::pair<std::string, std::string>> open_;
};

// One lock and those who ask for it. Time stands still unless a story lets it pass.
class RulesStory : public testing::Test {
 protected:
  template <class What>
  Outcome ask(What what) {
    const Decision decision =
        decide(record, Command{"prod", {"ann", "locker"}, std::move(what)},
               {now, limits, terms, &polls, shared ? std::optional(version()) : std::nullopt});
    told.clear();
    changed = decision.change.has_value();
    if (changed) take(*decision.change);
    return decision.outcome;
  }

  // The rest of a large hand-over, one commit of it.
  bool hand_over() {
    const auto rest = locks::hand_over(record, {now, limits, terms, &polls});
    told.clear();
    if (rest) take(*rest);
    return rest.has_value();
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
  // A long poll.
  static Acquire waiting(const std::string& claim, const std::string& holder, const std::string& key) {
    Acquire acquire = named(claim, "r", std::nullopt, holder, key);
    acquire.wait = std::chrono::seconds(25);
    return acquire;
  }
  static Acquire leased(Acquire acquire, milliseconds ttl) {
    acquire.ttl = ttl;
    return acquire;
  }
  static Release from(const std::string& holder, const std::string& key = "k") {
    return {key, holder, "", "", std::nullopt, false};
  }
  static Release beginning(const std::string& key, const std::string& holder = "somebody") {
    Release release = from(holder, key);
    release.key_begins = true;
    return release;
  }
  static Release all_of(const std::string& holder) { return {"k", holder, "", "", std::nullopt, true}; }
  static Release by_name(const std::string& claim, const std::string& key = "k") {
    return {key, "h", claim, "", std::nullopt, false};
  }
  static Release withdrawal(const std::string& claim, const std::string& request, std::optional<Version> begun = {},
                            const std::string& key = "k") {
    return {key, "h", claim, request, begun, false};
  }

  static Lapse lapse_of(const Claim& claim) { return {RowKind::claim, id(claim).id, claim.renewed, false}; }
  static Lapse lapse_of(const Waiter& waiter) { return {RowKind::waiter, id(waiter).id, waiter.renewed, false}; }

  Version version() const { return record.head.version; }
  const Claim& claim(const std::string& name) const { return *find_claim(record, name); }
  const Waiter& place(const std::string& name) const { return *find_waiter(record, name); }
  bool has(const std::string& name) const { return find_claim(record, name) != nullptr; }
  bool waits(const std::string& name) const { return find_waiter(record, name) != nullptr; }
  // Names in the queue, in order.
  std::vector<std::string> queue() const {
    std::vector<std::string> names;
    for (const Waiter& waiter : record.waiters) names.push_back(waiter.name);
    return names;
  }
  bool is_free() const { return !held(record) && record.head.key.empty(); }

  Record record = absent(0);
  WallTime now{std::chrono::hours(1)};
  Limits limits;
  Terms terms;
  OpenPolls polls;
  bool shared = false;  // other servers change it too
  std::vector<Event> history;
  std::vector<What> told;  // what the last question brought about
  bool changed = false;

 private:
  void take(const Change& change) {
    apply(record, change);
    history.insert(history.end(), change.events.begin(), change.events.end());
    for (const Event& event : change.events) told.push_back(event.what);
  }
};

}  // namespace lockkeeper::locks
