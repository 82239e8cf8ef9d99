// The engine on its own thread: many submit, everything is answered once, stop() leaves nobody waiting.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "stores/memory/memory_store.h"

namespace lockkeeper {
namespace {

// One client: submits and waits.
class Client final : public engine::Mailbox {
 public:
  explicit Client(engine::Engine& engine) : engine_(engine) {}

  locks::Outcome ask(locks::Command command) {
    engine::Call call;
    call.question = std::move(command);
    call.mailbox = this;
    engine_.submit(call);
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return number_ > 0; });
    --number_;
    return std::get<locks::Outcome>(call.answer);
  }

  void deliver(engine::Call* chain) noexcept override {
    const std::lock_guard lock(mutex_);
    for (; chain != nullptr; chain = chain->next) ++number_;
    arrived_.notify_all();
  }

  std::size_t number() {
    const std::lock_guard lock(mutex_);
    return number_;
  }

 private:
  engine::Engine& engine_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t number_ = 0;
};

TEST(EngineThread, ManyClientsExcludeEachOther) {
  engine::SystemClock clock;
  stores::MemoryStore store;
  engine::Engine engine(store, clock, {});
  std::thread loop([&] { engine.run(); });
  constexpr int kClients = 8;
  constexpr int kRounds = 500;
  std::atomic<int> inside = 0;
  std::atomic<int> entered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      Client client(engine);
      const std::string key = "key " + std::to_string(i);
      for (int round = 0; round < kRounds; ++round) {
        const auto outcome = client.ask({"prod", {}, locks::Acquire{.key = key, .holder = key}});
        if (!std::holds_alternative<locks::Granted>(outcome)) continue;
        EXPECT_EQ(inside.fetch_add(1), 0) << "two hold an exclusive lock";
        ++entered;
        inside.fetch_sub(1);
        const auto released = client.ask({"prod", {}, locks::Release{.key = key, .holder = key}});
        EXPECT_TRUE(std::holds_alternative<locks::Released>(released));
      }
    });
  }
  for (auto& client : clients) client.join();
  engine.stop();
  loop.join();
  EXPECT_GT(entered.load(), 0);
  EXPECT_EQ(engine.counters().in_flight, 0U);
  EXPECT_GE(engine.counters().commands, static_cast<std::uint64_t>(kClients * kRounds));
}

TEST(EngineThread, WhatWasSubmittedBeforeStopIsServedAndWhatComesAfterIsRefused) {
  engine::SystemClock clock;
  stores::MemoryStore store;
  engine::Engine engine(store, clock, {});
  Client client(engine);
  std::deque<engine::Call> before(1000);
  for (engine::Call& call : before) {
    call.question = locks::Command{"prod", {}, locks::Acquire{.key = "k", .holder = "ci"}};
    call.mailbox = &client;
    engine.submit(call);
  }
  engine.stop();
  engine.stop();
  engine::Call after;
  after.question = before.front().question;
  after.mailbox = &client;
  engine.submit(after);
  engine.run();  // ends by itself
  engine::Call late;
  late.question = before.front().question;
  late.mailbox = &client;
  engine.submit(late);
  EXPECT_EQ(client.number(), 1002U);
  for (const engine::Call& call : before) {
    EXPECT_TRUE(std::holds_alternative<locks::Granted>(std::get<locks::Outcome>(call.answer)));
  }
  for (const engine::Call* call : {&after, &late}) {
    EXPECT_TRUE(std::holds_alternative<locks::Unavailable>(std::get<locks::Outcome>(call->answer)));
  }
}

TEST(EngineThread, WhoeverSubmitsWhileItStopsIsAnswered) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    engine::SystemClock clock;
    stores::MemoryStore store;
    engine::Engine engine(store, clock, {});
    std::thread loop([&] { engine.run(); });
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&, i] {
        Client client(engine);
        for (int round = 0; round < 200; ++round) {
          client.ask({"lock " + std::to_string(i), {}, locks::Acquire{.key = "k", .holder = "ci"}});
          if (i == 0 && round == 20) engine.stop();
        }
      });
    }
    for (auto& client : clients) client.join();
    loop.join();
  }
}

}  // namespace
}  // namespace lockkeeper
