// What a store's watch tells of other servers: looked at where somebody waits, and costing nothing otherwise.
#include <gmock/gmock.h>

#include <chrono>

#include "locks/gate.h"
#include "tests/unit/engine_sharing.h"

namespace lockkeeper {
namespace {

using locks::Granted;
using test::acquire;
using test::Asked;
using namespace std::chrono_literals;

class EngineNews : public test::SharingEngine {
 protected:
  static locks::Command of_gate(const std::string& id, decltype(locks::OfGate::what) what) {
    return {locks::gate_name(id), {"", "workflow"}, locks::OfGate{std::move(what)}};
  }
};

TEST_F(EngineNews, APollIsGrantedAtOnceWhatAnotherServerFreed) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  const auto version = elsewhere(ends("a"));
  settle();
  ASSERT_FALSE(poll.answered);
  store_.tell("prod", version);
  settle();
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

TEST_F(EngineNews, NewsWithoutAVersionIsLookedAtToo) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  elsewhere(ends("a"));
  store_.tell("prod", 0);
  settle();
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

TEST_F(EngineNews, OfItsOwnChangesItNeedsNoRead) {
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  const auto before = reads();
  for (locks::Version version = 1; version <= record().head.version; ++version) store_.tell("prod", version);
  settle();
  EXPECT_EQ(reads(), before);
}

TEST_F(EngineNews, OfItsOwnChangesItMayHearBeforeTheyAreBack) {
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  const auto before = reads();
  store_.memory.hold(true);
  Asked& third = submit(waits("c", 300s));
  settle();
  store_.tell("prod", 3);
  settle();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_EQ(engine_->counters().waiting, 2U);
  EXPECT_FALSE(third.answered);
  EXPECT_EQ(reads(), before);
}

TEST_F(EngineNews, WhatComesDuringAReadThatMayBeOlderIsLookedAtAfterIt) {
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  const auto before = reads();
  store_.memory.hold(true);
  store_.tell("prod", 100);
  settle();
  store_.tell("prod", 0);  // something happened while the read was under way
  settle();
  EXPECT_EQ(reads(), before + 1);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_EQ(reads(), before + 2);
}

TEST_F(EngineNews, WhatNobodyUsesIsForgottenAndReadWhenItIsAskedFor) {
  ask(acquire("prod", "k"));
  const auto before = reads();
  store_.tell("prod", elsewhere(acquire("prod", "k", "elsewhere")));
  settle();
  EXPECT_EQ(reads(), before);
  EXPECT_EQ(ask(acquire("prod", "k")).get<Granted>()->token, 3U);
  EXPECT_EQ(reads(), before + 1);
  EXPECT_EQ(engine_->counters().conflicts, 0U);
}

TEST_F(EngineNews, OfLocksThatNobodyHereUsesItIsNoNews) {
  ask(acquire("prod", "k"));
  const auto begun = store_.begun.size();
  store_.tell("other", 7);
  settle();
  EXPECT_EQ(store_.begun.size(), begun);
  EXPECT_EQ(engine_->counters().cached, 1U);
}

TEST_F(EngineNews, AGateThatIsReleasedElsewhereIsInTheFeedAtOnce) {
  Asked& poll = ask(engine::ReadGates{.wait = 25s});
  elsewhere(of_gate("a", locks::CreateGate{"w", "n"}));
  store_.tell(locks::gate_name("a"), elsewhere(of_gate("a", locks::ReleaseGate{})));
  settle();
  ASSERT_TRUE(poll.answered);
  EXPECT_EQ(std::get<engine::GatesRead>(poll.answer).gates.size(), 1U);
  store_.tell(locks::gate_name("a"), elsewhere(of_gate("a", locks::DeleteGate{})));
  settle();
  EXPECT_EQ(engine_->counters().released_gates, 0U);
}

TEST_F(EngineNews, AfterMissedNewsWhoeverWaitsIsLookedFor) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  elsewhere(ends("a"));
  store_.tell_missed();
  settle();
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

// What is left of it has no time, so no pass sees it.
TEST_F(EngineNews, APollWhosePlaceIsGoneIsFoundWithoutNews) {
  settings_.look_again = 1s;
  ask(acquire("prod", "k"));
  Asked& poll = ask(waits("b", 300s));
  elsewhere(locks::Command{
      "prod", {"", "test"}, locks::Release{.key = "key of b", .holder = "x", .claim = "b", .request = "r"}});
  pass(3s);
  EXPECT_NE(poll.get<locks::Gone>(), nullptr);
  const auto before = reads();
  pass(3s);
  EXPECT_EQ(reads(), before);
}

TEST_F(EngineNews, AfterMissedNewsAPollWhosePlaceIsGoneIsFoundAtOnce) {
  ask(acquire("prod", "k"));
  Asked& poll = ask(waits("b", 300s));
  elsewhere(locks::Command{
      "prod", {"", "test"}, locks::Release{.key = "key of b", .holder = "x", .claim = "b", .request = "r"}});
  const auto before = reads();
  store_.memory.hold(true);
  store_.tell_missed();
  settle();
  EXPECT_EQ(reads(), before + 1) << "it does not wait for the pass, which may be long";
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_NE(poll.get<locks::Gone>(), nullptr);
}

TEST_F(EngineNews, AfterMissedNewsWhatHasATimeIsLookedForAndTheRestForgotten) {
  ask(acquire("idle", "k"));
  elsewhere(acquire("idle", "k", "elsewhere"));
  elsewhere(lease("leased", "a"));
  store_.tell_missed();
  settle();
  EXPECT_EQ(engine_->counters().watched, 1U);
  ask(acquire("idle", "k"));
  EXPECT_EQ(engine_->counters().conflicts, 0U);
}

TEST_F(EngineNews, WhileTheStoreIsStuckItIsKeptForLater) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  elsewhere(ends("a"));
  store_.memory.hold(true);
  submit(acquire("other", "k"));
  settle();
  pass(3s);
  const auto begun = store_.begun.size();
  for (int i = 0; i < 5; ++i) store_.tell("prod", 3);
  settle();
  EXPECT_EQ(store_.begun.size(), begun);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

// ---- what there is to watch

TEST_F(EngineNews, AServerIsReadyWhenItHasSeenAllThatHasATime) {
  start();
  for (int i = 0; i < 300; ++i) elsewhere(lease("lock " + std::to_string(i), "c" + std::to_string(i)));
  store_.memory.hold(true);
  EXPECT_FALSE(engine_->ready());
  settle();
  store_.memory.release_held(1);
  settle();
  EXPECT_FALSE(engine_->ready()) << "there is a second slice";
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(engine_->ready());
  EXPECT_EQ(engine_->counters().watched, 300U);
}

TEST_F(EngineNews, AGateThatWasDeletedElsewhereLeavesTheFeedWithThePass) {
  settings_.look_again = 1s;
  ask(of_gate("a", locks::CreateGate{"w", "n"}));
  ask(of_gate("a", locks::ReleaseGate{}));
  ask(of_gate("b", locks::CreateGate{"w", "n"}));
  ask(of_gate("b", locks::ReleaseGate{}));
  elsewhere(of_gate("a", locks::DeleteGate{}));
  EXPECT_EQ(engine_->counters().released_gates, 2U);
  const auto before = reads();
  pass(3s);
  EXPECT_EQ(engine_->counters().released_gates, 1U);
  EXPECT_EQ(reads(), before + 1) << "the other was seen";
}

// ---- who was told

TEST_F(EngineNews, WhoAsksAgainIsToldWhenThatIsWritten) {
  const Asked& first = ask(waits("a", 30s));
  const Asked& again = ask(waits("a", 30s));
  ASSERT_NE(again.get<Granted>(), nullptr);
  EXPECT_TRUE(again.get<Granted>()->again);
  EXPECT_EQ(again.get<Granted>()->token, first.get<Granted>()->token);
  EXPECT_GT(record().claims.at(0).renewed, record().claims.at(0).token);
}

TEST_F(EngineNews, AWokenPollIsToldWithTheGrantItself) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  ask(ends("a"));
  ASSERT_NE(poll.get<Granted>(), nullptr);
  EXPECT_THAT(history(), testing::ElementsAre("acquired a", "queued b", "released a", "granted b"));
}

TEST_F(EngineNews, WhatACopyWasToldOfElsewhereIsNotGivenBackHere) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  ask(ends("a"));
  elsewhere(waits("b", 30s));
  ask(locks::Command{"prod", {"", "server"}, locks::GiveBack{"b", "r", poll.get<Granted>()->token}});
  pass(5s);
  EXPECT_FALSE(record().claims.at(0).offered);
}

// Both decide it on the same version, and so give it the same token.
TEST_F(EngineNews, WhatAnotherServerGrantedUnderTheTokenOfAFailedCommitIsNotGivenBack) {
  ask(acquire("prod", "key of b", "holder of a"));
  store_.memory.fault = [](const engine::Operation&) {
    return engine::Failed{engine::Failed::Kind::unavailable, "away"};
  };
  ASSERT_NE(ask(waits("b", 30s)).get<locks::Unavailable>(), nullptr);
  store_.memory.fault = nullptr;
  elsewhere(waits("b", 30s));
  pass(5s);
  ASSERT_EQ(record().claims.size(), 1U);
  EXPECT_FALSE(record().claims.at(0).offered);
}

TEST_F(EngineNews, WhatNobodyElseWasToldOfIsGivenBack) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  ask(ends("a"));
  ask(locks::Command{"prod", {"", "server"}, locks::GiveBack{"b", "r", poll.get<Granted>()->token}});
  EXPECT_TRUE(record().claims.at(0).offered);
}

}  // namespace
}  // namespace lockkeeper
