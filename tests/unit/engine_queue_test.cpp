// Who waits, and who is woken.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/engine_waiting.h"

namespace lockkeeper {
namespace {

using engine::Commit;
using engine::Failed;
using engine::Operation;
using locks::Gone;
using locks::Granted;
using locks::Queued;
using locks::Unavailable;
using std::chrono::milliseconds;
using test::Asked;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class EngineQueue : public test::WaitingEngine {};

TEST_F(EngineQueue, ReleaseAnswersTheFirstAloneAndInTheCommitThatFreesTheLock) {
  ask(waits("a", 30s));
  Asked& second = ask(waits("b", 30s));
  Asked& third = ask(waits("c", 30s));
  EXPECT_FALSE(second.answered);
  EXPECT_FALSE(third.answered);
  const auto commits = engine_->counters().commits;
  ask(ends("a"));
  EXPECT_EQ(engine_->counters().commits, commits + 1);
  ASSERT_NE(second.get<Granted>(), nullptr);
  EXPECT_FALSE(second.get<Granted>()->again);
  EXPECT_FALSE(third.answered);
  EXPECT_THAT(history(), ElementsAre("acquired a", "queued b", "queued c", "released a", "granted b"));
}

TEST_F(EngineQueue, WhoseTimeIsOverIsToldItsPlaceAndKeepsIt) {
  ask(waits("a", 30s));
  Asked& first = ask(waits("b", 10s));
  ask(waits("c", 300s));
  pass(9999ms);
  EXPECT_FALSE(first.answered);
  pass(1ms);
  ASSERT_NE(first.get<Queued>(), nullptr);
  EXPECT_EQ(first.get<Queued>()->position, 1U);
  EXPECT_EQ(first.get<Queued>()->waiters, 2U);
  EXPECT_EQ(first.get<Queued>()->holds.at(0).holder, "holder of a");
  pass(20s);
  Asked& again = ask(waits("b", 30s));
  EXPECT_FALSE(again.answered);
  ask(ends("a"));
  EXPECT_NE(again.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, SharersAtTheHeadAreGrantedTogetherAndNobodyComesBetween) {
  ask(waits("a", 30s));
  std::vector<Asked*> sharers;
  for (int i = 0; i < 100; ++i) sharers.push_back(&ask(waits("s" + std::to_string(i), 30s, "shared")));
  Asked& other = ask(waits("other", 30s));
  store_.memory.hold(true);
  submit(ends("a"));
  Asked& late = submit({waits("late", 30s, "shared")});
  while (engine_->step() || store_.memory.held() != 0) store_.memory.release_held();
  store_.memory.hold(false);
  for (Asked* each : sharers) EXPECT_NE(each->get<Granted>(), nullptr);
  EXPECT_FALSE(other.answered);
  EXPECT_FALSE(late.answered) << "another is queued before it";
  for (const auto& commit : store_.all_begun<Commit>()) EXPECT_LE(commit.change.rows.size(), 66U);
}

TEST_F(EngineQueue, AnAbsentWaiterIsOfferedTheLockAndFindsItItsOwnWithinTheGrace) {
  ask(waits("a", 30s));
  ask(waits("b", 0s));
  ask(waits("c", 300s));
  ask(ends("a"));
  ASSERT_EQ(record().claims.size(), 1U);
  EXPECT_TRUE(record().claims[0].offered.has_value());
  pass(59s);
  Asked& back = ask(waits("b", 30s));
  ASSERT_NE(back.get<Granted>(), nullptr);
  EXPECT_FALSE(record().claims.at(0).offered.has_value());
  EXPECT_EQ(record().claims.at(0).token, back.get<Granted>()->token);
}

TEST_F(EngineQueue, AnOfferThatNobodyTakesPassesOn) {
  ask(waits("a", 30s));
  ask(waits("b", 0s));
  Asked& third = ask(waits("c", 300s));
  ask(ends("a"));
  pass(59'999ms);
  EXPECT_FALSE(third.answered);
  pass(1ms);
  EXPECT_NE(third.get<Granted>(), nullptr);
  EXPECT_THAT(history(), ElementsAre("acquired a", "queued b", "queued c", "released a", "offered b",
                                     "offer lapsed b", "granted c"));
}

TEST_F(EngineQueue, APlaceIsKeptWhileItsPollIsOpenAndForTheGraceAfterwards) {
  ask(waits("a", 30s));
  Asked& open = ask(waits("b", 300s));
  pass(299s);
  EXPECT_EQ(record().waiters.size(), 1U);
  pass(1s);
  EXPECT_NE(open.get<Queued>(), nullptr);
  pass(59'999ms);
  EXPECT_EQ(record().waiters.size(), 1U);
  pass(1ms);
  EXPECT_THAT(record().waiters, IsEmpty());
}

TEST_F(EngineQueue, AnotherPollOfTheSameIntentionTakesTheFormersPlace) {
  ask(waits("a", 30s));
  Asked& former = ask(waits("b", 30s));
  Asked& poll = ask(waits("b", 30s));
  EXPECT_NE(former.get<Queued>(), nullptr);
  EXPECT_FALSE(poll.answered);
  ask(ends("a"));
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, ANewerIntentionTakesThePlaceOverAndTheFormerIsGone) {
  ask(waits("a", 30s));
  Asked& former = ask(waits("b", 30s, "", "r1"));
  ask(waits("c", 30s));
  Asked& newer = ask(waits("b", 30s, "", "r2"));
  ASSERT_NE(former.get<Gone>(), nullptr);
  EXPECT_EQ(former.get<Gone>()->why, Gone::Why::superseded);
  ask(ends("a"));
  EXPECT_NE(newer.get<Granted>(), nullptr) << "the place kept its turn";
}

TEST_F(EngineQueue, WhoseNameIsReleasedMeanwhileIsGone) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 30s));
  ask(ends("b"));
  ASSERT_NE(poll.get<Gone>(), nullptr);
  EXPECT_EQ(poll.get<Gone>()->why, Gone::Why::closed);
  EXPECT_THAT(record().waiters, IsEmpty());
}

TEST_F(EngineQueue, WhoLeftIsAnsweredAndItsPlaceCountsFromThen) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  pass(100s);
  ask(engine::Leave{"prod", "b", &poll});
  EXPECT_TRUE(poll.answered);
  EXPECT_EQ(engine_->counters().waiting, 0U);
  ask(ends("a"));
  EXPECT_TRUE(record().claims.at(0).offered.has_value()) << "it is not there to be granted the lock";
}

TEST_F(EngineQueue, WhoLeftBeforeItsPlaceWasCommittedIsNotThereEither) {
  ask(waits("a", 30s));
  store_.memory.hold(true);
  Asked& poll = submit(waits("b", 300s));
  settle();
  submit(engine::Leave{"prod", "b", &poll});
  settle();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(poll.answered);
  ask(ends("a"));
  EXPECT_TRUE(record().claims.at(0).offered.has_value());
}

// What the door says when the client of a poll that was granted had left.
locks::Command gives_back(const std::string& claim, locks::Version token) {
  return {"prod", {"", "server"}, locks::GiveBack{claim, "r", token}};
}

TEST_F(EngineQueue, AGrantThatNobodyHeardOfIsAnOfferAgain) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  Asked& next = ask(waits("c", 300s));
  ask(ends("a"));
  ask(gives_back("b", poll.get<Granted>()->token));
  EXPECT_TRUE(record().claims.at(0).offered.has_value());
  pass(60s);
  EXPECT_NE(next.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, AGrantOfWhichACopyWasToldIsNotTakenBack) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  store_.memory.hold(true);
  submit(ends("a"));
  settle();
  Asked& copy = submit(waits("b", 300s));
  settle();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  ASSERT_NE(poll.get<Granted>(), nullptr);
  ASSERT_NE(copy.get<Granted>(), nullptr);
  EXPECT_TRUE(copy.get<Granted>()->again);
  ask(gives_back("b", poll.get<Granted>()->token));
  EXPECT_FALSE(record().claims.at(0).offered.has_value());
}

TEST_F(EngineQueue, OnlyOneOfTwoPollsThatEndTogetherIsTheFirstToHear) {
  ask(waits("a", 30s));
  Asked& former = ask(waits("b", 300s));
  store_.memory.hold(true);
  submit(waits("z", 300s));
  settle();
  Asked& later = submit(waits("b", 300s));
  submit(ends("a"));
  settle();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  const auto first = [](const Asked& poll) {
    return poll.get<Granted>() != nullptr && !poll.get<Granted>()->again;
  };
  EXPECT_LE(first(former) + first(later), 1);
  EXPECT_NE(later.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, WhatCannotBeGivenBackNowIsGivenBackLater) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  ask(ends("a"));
  store_.memory.fault = [](const Operation& operation) -> std::optional<Failed> {
    if (!std::holds_alternative<Commit>(operation.question)) return std::nullopt;
    return Failed{Failed::Kind::no_room, "the disk is full"};
  };
  ask(gives_back("b", poll.get<Granted>()->token));
  pass(5s);
  EXPECT_FALSE(record().claims.at(0).offered.has_value());
  EXPECT_LT(engine_->counters().failures, 10U) << "it is not tried without a pause";
  store_.memory.fault = nullptr;
  pass(2s);
  EXPECT_TRUE(record().claims.at(0).offered.has_value());
}

TEST_F(EngineQueue, AHandOverWhoseCommitCameBackTooLateIsAnOfferAgain) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  Asked& next = ask(waits("c", 300s));
  store_.memory.hold(true);
  submit(ends("a"));
  settle();
  pass(3s);
  ASSERT_NE(poll.get<Unavailable>(), nullptr);
  store_.memory.hold(false);
  store_.memory.release_held();
  pass(2s);
  EXPECT_TRUE(record().claims.at(0).offered.has_value());
  pass(60s);
  EXPECT_NE(next.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, WhoAsksAgainAfterAnUnknownHandOverFindsTheLockItsOwn) {
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  store_.memory.hold(true);
  submit(ends("a"));
  settle();
  pass(3s);
  store_.memory.hold(false);
  store_.memory.release_held();
  Asked& again = submit(waits("b", 300s));
  pass(2s);
  if (again.get<Unavailable>() != nullptr) {
    EXPECT_NE(ask(waits("b", 300s)).get<Granted>(), nullptr);
  } else {
    EXPECT_NE(again.get<Granted>(), nullptr);
  }
  EXPECT_FALSE(record().claims.at(0).offered.has_value());
}

TEST_F(EngineQueue, WhoLeavesWhileTheStoreDoesNotAnswerHasLeft) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  store_.memory.hold(true);
  submit(test::acquire("elsewhere", "k"));
  settle();
  pass(3s);
  ask(engine::Leave{"prod", "b", &poll});
  EXPECT_EQ(engine_->counters().waiting, 0U);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
}

TEST_F(EngineQueue, NoOneIsToldOfAHandOverThatIsNotCommitted) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  store_.memory.hold(true);
  Asked& released = submit(ends("a"));
  settle();
  EXPECT_FALSE(poll.answered);
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::no_room, "the disk is full"}; };
  store_.memory.release_held();
  store_.memory.hold(false);
  settle();
  EXPECT_NE(released.get<Unavailable>(), nullptr);
  EXPECT_NE(poll.get<Unavailable>(), nullptr) << "it shares the fate of what would have granted it";
  store_.memory.fault = nullptr;
  EXPECT_EQ(record().waiters.size(), 1U);
}

TEST_F(EngineQueue, WhatWasQueuedInAFailedCommitIsRefused) {
  ask(waits("a", 30s));
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::unavailable, "away"}; };
  Asked& poll = ask(waits("b", 300s));
  EXPECT_NE(poll.get<Unavailable>(), nullptr);
  EXPECT_EQ(engine_->counters().waiting, 0U);
  EXPECT_EQ(engine_->counters().in_flight, 0U);
}

TEST_F(EngineQueue, WhoWaitsWhileTheStoreIsAwayIsServedWhenItIsBack) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::unavailable, "away"}; };
  ask(ends("a"));
  pass(5s);
  store_.memory.fault = nullptr;
  pass(2s);
  Asked& next = poll.answered ? ask(waits("b", 300s)) : poll;
  ask(ends("a"));
  EXPECT_NE(next.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, TheQueueSurvivesTheServer) {
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  ask(waits("c", 300s));
  restart();
  Asked& third = ask(waits("c", 300s));
  Asked& second = ask(waits("b", 300s));
  ask(ends("a"));
  EXPECT_NE(second.get<Granted>(), nullptr);
  EXPECT_FALSE(third.answered);
}

TEST_F(EngineQueue, AServerThatStopsAnswersItsPollsAndKeepsTheirPlaces) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  engine_->stop();
  settle();
  EXPECT_NE(poll.get<Unavailable>(), nullptr);
  EXPECT_EQ(record().waiters.size(), 1U);
}

TEST_F(EngineQueue, OverASharedStoreAPollIsWokenByWhatAnotherServerDid) {
  store_.alone = false;
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  auto decision = locks::decide(record(), ends("a"), clock_.wall(), {});
  ASSERT_TRUE(decision.change.has_value());
  store_.elsewhere(Commit{"prod", *decision.change});
  pass(2s);
  EXPECT_NE(poll.get<Granted>(), nullptr);
}

TEST_F(EngineQueue, OverASharedStoreAnOpenPollWritesWhenAThirdOfTheGraceHasPassed) {
  store_.alone = false;
  ask(waits("a", 30s));
  ask(waits("b", 300s));
  const auto version = record().head.version;
  pass(19s);
  EXPECT_EQ(record().head.version, version);
  pass(2s);
  EXPECT_EQ(record().head.version, version + 1);
  pass(200s);
  EXPECT_EQ(record().waiters.size(), 1U);
}

TEST_F(EngineQueue, OverASharedStoreAPollThatCameWithAnothersChangeWritesAfterAThirdToo) {
  store_.alone = false;
  ask(waits("a", 30s));
  ask(waits("b", 1s));
  pass(2s);
  submit(waits("c", 300s));
  submit(waits("b", 300s));
  settle();
  const auto renewed = record().waiters.front().renewed;
  pass(19s);
  EXPECT_GT(record().waiters.front().renewed, renewed);
}

}  // namespace
}  // namespace lockkeeper
