// What ends by itself: never early, whatever clocks and threads do.
#include <gmock/gmock.h>

#include <chrono>

#include "stores/boot_clock.h"
#include "tests/unit/engine_waiting.h"

namespace lockkeeper {
namespace {

using engine::Failed;
using engine::Operation;
using locks::Gone;
using locks::Granted;
using locks::Renewed;
using std::chrono::milliseconds;
using test::Asked;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class EngineLease : public test::WaitingEngine {
 protected:
  bool held() { return locks::held(record()); }
};

TEST_F(EngineLease, ALeaseLapsesAfterItsWholeTtlAndHistoryTells) {
  ask(leased("a", 30s));
  pass(29'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  EXPECT_FALSE(held());
  EXPECT_THAT(history(), ElementsAre("acquired a", "lapsed a"));
  EXPECT_EQ(engine_->counters().lapses, 1U);
  EXPECT_EQ(engine_->counters().watched, 0U);
}

TEST_F(EngineLease, RenewingCountsItsTtlAnew) {
  ask(leased("a", 30s));
  for (int i = 0; i < 10; ++i) {
    pass(29s);
    ASSERT_NE(ask(renews("a")).get<Renewed>(), nullptr);
  }
  pass(29'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  ASSERT_NE(ask(renews("a")).get<Gone>(), nullptr) << "what lapsed is not revived";
}

TEST_F(EngineLease, ARenewalThatCameBeforeTheLapseWasCommittedSucceeds) {
  ask(leased("a", 30s));
  pass(29'900ms);
  clock_.advance(200ms);
  Asked& renewed = submit(renews("a"));
  settle();
  EXPECT_NE(renewed.get<Renewed>(), nullptr);
  EXPECT_TRUE(held());
}

TEST_F(EngineLease, AnEngineThatWasStoppedEndsNothingOnWaking) {
  ask(leased("a", 30s));
  pass(10s);
  clock_.advance(std::chrono::hours(1));
  settle();
  EXPECT_TRUE(held());
  pass(18s);
  EXPECT_TRUE(held());
  pass(2s);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, TheTimeOfALeaseBeginsWhenItsCommitIsBack) {
  store_.memory.hold(true);
  submit(leased("a", 10s));
  settle();
  clock_.advance(900ms);
  settle();
  clock_.advance(900ms);
  settle();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  pass(9'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, AnOfferedLeaseBeginsWhenItIsTakenUp) {
  ask(waits("a", 30s));
  auto command = waits("b", 0s);
  std::get<locks::Acquire>(command.what).ttl = 10s;
  ask(command);
  ask(ends("a"));
  pass(50s);
  ASSERT_NE(ask(command).get<Granted>(), nullptr);
  pass(9'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, MaxHoldEndsWhatIsRenewedOnTime) {
  settings_.terms_by_name = {{"pr*", 60s, {}}};
  ask(leased("a", 30s));
  for (int i = 0; i < 3; ++i) {
    pass(19s);
    ASSERT_NE(ask(renews("a")).get<Renewed>(), nullptr);
  }
  pass(2'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  EXPECT_FALSE(held());
  EXPECT_EQ(history().back(), "lapsed a");
}

TEST_F(EngineLease, MaxHoldBoundsAPlainHoldToo) {
  settings_.terms.max_hold = 60s;
  ask(test::acquire("prod", "k"));
  pass(59'999ms);
  EXPECT_TRUE(held());
  pass(1ms);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, ALapseGrantsToTheHeadOfTheQueueInTheSameCommit) {
  ask(leased("a", 30s));
  Asked& next = ask(waits("b", 300s));
  const auto commits = engine_->counters().commits;
  pass(30s);
  EXPECT_NE(next.get<Granted>(), nullptr);
  EXPECT_EQ(engine_->counters().commits, commits + 1);
}

TEST_F(EngineLease, AStoreThatIsAwayPutsALapseOff) {
  ask(leased("a", 30s));
  pass(29s);
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::unavailable, "away"}; };
  pass(20s);
  store_.memory.fault = nullptr;
  EXPECT_TRUE(held());
  EXPECT_LT(engine_->counters().failures, 60U) << "it is not asked without a pause";
  pass(2s);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, ALeaseWhoseCommitCameBackTooLateLapsesThoughNobodyAsks) {
  ask(test::inspect("prod"));
  store_.memory.hold(true);
  Asked& late = submit(leased("a", 30s));
  settle();
  pass(5s);
  ASSERT_NE(late.get<locks::Unavailable>(), nullptr);
  store_.memory.hold(false);
  store_.memory.release_held();
  pass(29s);
  EXPECT_TRUE(held());
  pass(3s);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, ALeaseWhoseCommitIsUnknownLapsesThoughNobodyAsksAndTheFirstLookFails) {
  bool away = true;
  store_.memory.fault = [&](const Operation& operation) -> std::optional<Failed> {
    if (!away) return std::nullopt;
    if (const auto* commit = std::get_if<engine::Commit>(&operation.question)) {
      store_.memory.fault = nullptr;  // written, and its reply lost
      store_.elsewhere(*commit);
      store_.memory.fault = [&](const Operation&) -> std::optional<Failed> {
        if (away) return Failed{Failed::Kind::unavailable, "away"};
        return std::nullopt;
      };
      return Failed{Failed::Kind::unknown, "the reply is lost"};
    }
    return std::nullopt;
  };
  ask(leased("a", 30s));
  pass(5s);
  away = false;
  EXPECT_TRUE(held());
  pass(32s);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, AnotherServerIsSeenToRenewAndItsLeaseIsNotEnded) {
  store_.alone = false;
  ask(leased("a", 30s));
  for (int i = 0; i < 5; ++i) {
    pass(20s);
    auto decision = locks::decide(record(), renews("a"), clock_.wall(), {});
    ASSERT_TRUE(decision.change.has_value());
    store_.elsewhere(engine::Commit{"prod", *decision.change});
  }
  EXPECT_TRUE(held());
  pass(28s);
  EXPECT_TRUE(held());
  pass(4s);
  EXPECT_FALSE(held()) << "nor is it left standing when the other is silent";
}

TEST_F(EngineLease, AfterARestartTheTtlStartsAnewWhereAgesAreNotKnown) {
  ask(leased("a", 30s));
  pass(20s);
  restart();
  pass(29s);
  EXPECT_TRUE(held());
  pass(2s);
  EXPECT_FALSE(held());
}

// The boot clock that a test owns.
class OwnBoot final : public stores::BootClock {
 public:
  explicit OwnBoot(const test::OwnClock& clock) : clock_(clock) {}
  std::string boot() const override { return name; }
  std::chrono::nanoseconds now() const override { return clock_.steady().time_since_epoch(); }
  std::string name = "this boot";

 private:
  const test::OwnClock& clock_;
};

TEST_F(EngineLease, ARestartOnTheSameBootGoesOnWithTheRemainingTime) {
  const OwnBoot boot(clock_);
  store_.memory.boot_clock = &boot;
  ask(leased("a", 30s));
  pass(20s);
  restart();
  pass(9s);
  EXPECT_TRUE(held());
  pass(settings_.deadline + 2s);
  EXPECT_FALSE(held());
}

TEST_F(EngineLease, TheRemainingTimeOfARenewedLeaseCountsFromTheRenewal) {
  const OwnBoot boot(clock_);
  store_.memory.boot_clock = &boot;
  ask(leased("a", 30s));
  pass(20s);
  ask(renews("a"));
  pass(5s);
  restart();
  pass(24s);
  EXPECT_TRUE(held());
  pass(settings_.deadline + 2s);
  EXPECT_FALSE(held());
}

}  // namespace
}  // namespace lockkeeper
