// An engine that a test steps by hand: it owns the clock, sees what goes to the store, and may hold it up.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "stores/memory/memory_store.h"

namespace lockkeeper::test {

class OwnClock final : public engine::Clock {
 public:
  locks::WallTime wall() const override { return wall_; }
  std::chrono::steady_clock::time_point steady() const override { return steady_; }
  void advance(std::chrono::milliseconds by) {
    wall_ += by;
    steady_ += by;
  }

 private:
  locks::WallTime wall_ = locks::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 3 / 1));
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
};

// A call that remembers whether it was answered.
struct Asked final : engine::Call {
  bool answered = false;

  const locks::Outcome& outcome() const { return std::get<locks::Outcome>(answer); }
  template <class T>
  const T* get() const {
    const auto* outcome = std::get_if<locks::Outcome>(&answer);
    return answered && outcome != nullptr ? std::get_if<T>(outcome) : nullptr;
  }
};

class Letters final : public engine::Mailbox {
 public:
  void deliver(engine::Call* chain) noexcept override {
    ++deliveries;
    for (; chain != nullptr; chain = chain->next) {
      auto* asked = static_cast<Asked*>(chain);
      EXPECT_FALSE(asked->answered) << "answered twice";
      asked->answered = true;
      order.push_back(asked);
    }
  }

  std::size_t deliveries = 0;
  std::vector<Asked*> order;
};

// The memory store, possibly shared with other servers, counting what comes to it. Operations that a test begins
// itself (owner == nullptr) do not come back to the engine.
class WatchedStore final : public engine::Store, public engine::Completions {
 public:
  void open(engine::Completions& completions) override {
    engine_ = &completions;
    memory.open(*this);
  }
  void begin(engine::Operation* chain) override {
    ++chains;
    for (const auto* each = chain; each != nullptr; each = each->next) begun.push_back(each->question);
    memory.begin(chain);
  }
  void close() override { memory.close(); }
  bool exclusive() const override { return alone; }
  bool watches() const override { return !alone; }
  bool ready() const override { return there; }
  void completed(engine::Operation* chain) noexcept override {
    while (chain != nullptr) {
      engine::Operation* const each = std::exchange(chain, std::exchange(chain->next, nullptr));
      if (each->owner != nullptr) engine_->completed(each);
    }
  }

  // What the store's watch tells.
  void tell(const std::string& lock, locks::Version version) { engine_->changed({{lock, version}}); }
  void tell_missed() { engine_->missed(); }

  // What another server does, behind the engine's back. The memory store must not be held.
  engine::Operation elsewhere(decltype(engine::Operation::question) question) {
    engine::Operation operation{std::move(question)};
    memory.begin(&operation);
    return operation;
  }

  template <class Question>
  std::vector<Question> all_begun() const {
    std::vector<Question> all;
    for (const auto& each : begun) {
      if (const auto* question = std::get_if<Question>(&each)) all.push_back(*question);
    }
    return all;
  }

  stores::MemoryStore memory;
  bool alone = true;
  bool there = true;  // what it says of itself
  std::size_t chains = 0;
  std::vector<decltype(engine::Operation::question)> begun;

 private:
  engine::Completions* engine_ = nullptr;
};

class SteppedEngine : public testing::Test {
 protected:
  void start() { engine_ = std::make_unique<engine::Engine>(store_, clock_, settings_); }

  // Until nothing is to be done any more (for what a held store keeps back, that is soon).
  void settle() {
    if (!engine_) start();
    for (int steps = 0; engine_->step(); ++steps) ASSERT_LT(steps, 10'000) << "the engine does not come to rest";
  }

  Asked& submit(decltype(engine::Call::question) question, Letters* letters = nullptr) {
    if (!engine_) start();
    Asked& asked = asked_.emplace_back();
    asked.question = std::move(question);
    asked.mailbox = letters != nullptr ? letters : &letters_;
    engine_->submit(asked);
    return asked;
  }
  Asked& ask(decltype(engine::Call::question) question) {
    Asked& asked = submit(std::move(question));
    settle();
    return asked;
  }

  std::deque<Asked> asked_;
  Letters letters_;
  OwnClock clock_;
  WatchedStore store_;
  engine::Settings settings_;
  std::unique_ptr<engine::Engine> engine_;  // goes first: it closes the store
};

inline locks::Command acquire(const std::string& lock, const std::string& key, const std::string& holder = "ci") {
  return {lock, {"", "test"}, locks::Acquire{.key = key, .holder = holder}};
}
inline locks::Command acquire_named(const std::string& lock, const std::string& key, const std::string& claim,
                                    const std::string& request) {
  return {lock, {"", "test"}, locks::Acquire{.key = key, .holder = "ci", .claim = claim, .request = request}};
}
inline locks::Command release(const std::string& lock, const std::string& key, const std::string& holder = "ci") {
  return {lock, {"", "test"}, locks::Release{.key = key, .holder = holder}};
}
inline locks::Command inspect(const std::string& lock) {
  return {lock, {"", "test"}, locks::Inspect{}};
}

}  // namespace lockkeeper::test
