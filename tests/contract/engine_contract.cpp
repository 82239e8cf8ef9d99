// Two engines, each with its thread and the machine's clock, over one place: what the rules promise across servers.
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "engine/engine.h"
#include "tests/contract/shared_contract.h"

namespace lockkeeper::contract {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Asked final : public engine::Call {
 public:
  bool answered = false;
};

class Engine final : private engine::Mailbox {
 public:
  Engine(std::unique_ptr<engine::Store> store, const std::string& prefix) : store_(std::move(store)) {
    engine::Settings settings;
    settings.change_prefix = prefix;
    engine_ = std::make_unique<engine::Engine>(*store_, clock_, settings);
    thread_ = std::thread([this] { engine_->run(); });
  }
  ~Engine() {
    engine_->stop();
    thread_.join();
  }

  std::unique_ptr<Asked> begin(locks::Command command) {
    auto asked = std::make_unique<Asked>();
    asked->question = std::move(command);
    asked->mailbox = this;
    engine_->submit(*asked);
    return asked;
  }

  locks::Outcome end(const Asked& asked) {
    std::unique_lock lock(mutex_);
    if (!delivered_.wait_for(lock, seconds(30), [&] { return asked.answered; })) {
      ADD_FAILURE() << "no answer in half a minute";
      std::abort();  // the call is still the engine's
    }
    return std::get<locks::Outcome>(asked.answer);
  }

  locks::Outcome ask(locks::Command command) { return end(*begin(std::move(command))); }

 private:
  void deliver(engine::Call* chain) noexcept override {
    const std::lock_guard lock(mutex_);
    for (; chain != nullptr; chain = chain->next) static_cast<Asked*>(chain)->answered = true;
    delivered_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable delivered_;
  engine::SystemClock clock_;
  std::unique_ptr<engine::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::thread thread_;
};

locks::Command acquire(const std::string& key, const std::string& claim, std::optional<milliseconds> ttl = {},
                       std::optional<milliseconds> wait = {}) {
  return {
      "prod",
      {"", "test"},
      locks::Acquire{.key = key, .holder = key, .claim = claim, .request = claim + "'s", .ttl = ttl, .wait = wait}};
}

locks::Command release(const std::string& key, const std::string& claim) {
  return {"prod", {"", "test"}, locks::Release{.key = key, .holder = key, .claim = claim}};
}

locks::Command renew(const std::string& key, const std::string& claim, milliseconds ttl) {
  return {"prod", {"", "test"}, locks::Renew{.key = key, .claim = claim, .ttl = ttl}};
}

class EngineContract : public SharedStoreContract {
 public:
  void SetUp() override {
    SharedStoreContract::SetUp();
    one_.emplace(place_->another(), "one-");
    two_.emplace(place_->another(), "two-");
  }
  void TearDown() override {
    two_.reset();
    one_.reset();
    SharedStoreContract::TearDown();
  }

  std::optional<Engine> one_, two_;
};

TEST_P(EngineContract, ALockThatOneServerGrantedAnotherRefuses) {
  ASSERT_TRUE(std::holds_alternative<locks::Granted>(one_->ask(acquire("a", "first"))));
  ASSERT_TRUE(std::holds_alternative<locks::Refused>(two_->ask(acquire("b", "second"))));
  // What the second one remembers now is old by the next line.
  ASSERT_TRUE(std::holds_alternative<locks::Released>(one_->ask(release("a", "first"))));
  EXPECT_TRUE(std::holds_alternative<locks::Granted>(two_->ask(acquire("b", "second"))));
  EXPECT_TRUE(std::holds_alternative<locks::Refused>(one_->ask(acquire("a", "third"))));
}

TEST_P(EngineContract, AChangeBetweenReadAndWriteIsDecidedAnew) {
  // Both remember the lock as free, then one takes it: the other's commit meets a version it did not expect.
  for (auto* engine : {&*one_, &*two_}) {
    ASSERT_TRUE(std::holds_alternative<locks::Granted>(engine->ask(acquire("k", "warm"))));
    ASSERT_TRUE(std::holds_alternative<locks::Released>(engine->ask(release("k", "warm"))));
  }
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const auto left = one_->begin(acquire("a", "left" + number));
    const auto right = two_->begin(acquire("b", "right" + number));
    const bool one_has = std::holds_alternative<locks::Granted>(one_->end(*left));
    const bool two_has = std::holds_alternative<locks::Granted>(two_->end(*right));
    EXPECT_NE(one_has, two_has) << "round " << i;
    if (one_has) one_->ask(release("a", "left" + number));
    if (two_has) two_->ask(release("b", "right" + number));
  }
}

TEST_P(EngineContract, ALeaseThatLapsedAtOneServerIsFreeAtTheOther) {
  const auto first = one_->ask(acquire("a", "leased", milliseconds(1000)));
  ASSERT_TRUE(std::holds_alternative<locks::Granted>(first));
  const auto began = std::chrono::steady_clock::now();
  const auto second = two_->ask(acquire("b", "next", {}, seconds(20)));
  const auto took = std::chrono::steady_clock::now() - began;
  ASSERT_TRUE(std::holds_alternative<locks::Granted>(second));
  EXPECT_GE(took, milliseconds(900)) << "it ended early";
  EXPECT_GT(std::get<locks::Granted>(second).token, std::get<locks::Granted>(first).token);
  // It cannot be revived, neither here nor there.
  EXPECT_TRUE(std::holds_alternative<locks::Gone>(one_->ask(renew("a", "leased", seconds(5)))));
  EXPECT_TRUE(std::holds_alternative<locks::Gone>(two_->ask(renew("a", "leased", seconds(5)))));
}

TEST_P(EngineContract, ALeaseIsRenewedAtAnyServerAndOnlyByItsName) {
  ASSERT_TRUE(std::holds_alternative<locks::Granted>(one_->ask(acquire("a", "leased", milliseconds(1500)))));
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(milliseconds(400));  // its pace
    EXPECT_TRUE(std::holds_alternative<locks::Renewed>(two_->ask(renew("a", "leased", milliseconds(1500)))));
  }
  EXPECT_TRUE(std::holds_alternative<locks::Gone>(two_->ask(renew("a", "another", milliseconds(1500)))));
  EXPECT_TRUE(std::holds_alternative<locks::Refused>(one_->ask(acquire("b", "late"))));
}

TEST_P(EngineContract, WhoWaitsAtOneServerIsGrantedWhatTheOtherReleases) {
  ASSERT_TRUE(std::holds_alternative<locks::Granted>(one_->ask(acquire("a", "first"))));
  const auto waiting = two_->begin(acquire("b", "second", {}, seconds(20)));
  for (;;) {  // until it stands in the queue
    const auto inspected = one_->ask({"prod", {"", "test"}, locks::Inspect{}});
    if (!std::get<locks::Inspected>(inspected).record.waiters.empty()) break;
  }
  ASSERT_TRUE(std::holds_alternative<locks::Released>(one_->ask(release("a", "first"))));
  EXPECT_TRUE(std::holds_alternative<locks::Granted>(two_->end(*waiting)));
}

INSTANTIATE_TEST_SUITE_P(Shared, EngineContract, testing::Values(Place::Maker(make_shared_place)));

}  // namespace
}  // namespace lockkeeper::contract
