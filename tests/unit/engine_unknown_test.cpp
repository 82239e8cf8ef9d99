// Commits of which the store does not know whether they were written: begun again until that is known.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/engine_sharing.h"

namespace lockkeeper {
namespace {

using engine::Commit;
using engine::Failed;
using engine::Operation;
using locks::Granted;
using locks::Refused;
using locks::Unavailable;
using test::acquire;
using test::Asked;
using test::inspect;
using namespace std::chrono_literals;

class UnknownCommit : public test::SharingEngine {
 protected:
  enum class Fate { written, not_written };
  // What becomes of the next commits; all of them are told as unknown.
  void lose(Fate fate, std::size_t number = 1) {
    left_ = number;
    store_.memory.fault = [this, fate](const Operation& operation) -> std::optional<Failed> {
      if (!std::holds_alternative<Commit>(operation.question) || left_ == 0) return std::nullopt;
      const std::size_t left = std::exchange(left_, 0) - 1;
      if (fate == Fate::written) store_.elsewhere(operation.question);
      left_ = left;
      return Failed{Failed::Kind::unknown, "the reply was lost"};
    };
  }
  void heal() { store_.memory.fault = nullptr; }
  std::size_t commits() const { return store_.all_begun<Commit>().size(); }

 private:
  std::size_t left_ = 0;
};

TEST_F(UnknownCommit, ThatWasWrittenIsToldAsDone) {
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  ASSERT_FALSE(asked.answered);
  heal();
  pass(20ms);
  ASSERT_NE(asked.get<Granted>(), nullptr);
  EXPECT_EQ(asked.get<Granted>()->token, 1U);
  EXPECT_EQ(record().head.version, 1U) << "once";
  EXPECT_EQ(engine_->counters().commits, 1U);
}

TEST_F(UnknownCommit, ThatWasNotWrittenIsWritten) {
  lose(Fate::not_written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  pass(20ms);
  ASSERT_NE(asked.get<Granted>(), nullptr);
  EXPECT_EQ(record().head.version, 1U);
  const auto tries = store_.all_begun<Commit>();
  ASSERT_EQ(tries.size(), 2U);
  EXPECT_EQ(tries[0].change.events.front().change, tries[1].change.events.front().change);
}

TEST_F(UnknownCommit, ThatAnotherServerCameBeforeIsDecidedAgain) {
  ask(acquire("prod", "k"));
  ask(test::release("prod", "k"));
  lose(Fate::not_written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  elsewhere(acquire("prod", "theirs"));
  pass(20ms);
  EXPECT_NE(asked.get<Refused>(), nullptr);
  EXPECT_EQ(record().head.version, 3U);
}

TEST_F(UnknownCommit, ThatAnotherServerBuiltUponWasWritten) {
  ask(acquire("prod", "k"));
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  elsewhere(acquire("prod", "k", "elsewhere"));
  pass(20ms);
  ASSERT_NE(asked.get<Granted>(), nullptr);
  EXPECT_EQ(asked.get<Granted>()->token, 2U);
  EXPECT_EQ(record().head.version, 3U);
  EXPECT_EQ(ask(acquire("prod", "k")).get<Granted>()->token, 4U);
  EXPECT_EQ(engine_->counters().conflicts, 0U) << "the newer record is known";
}

TEST_F(UnknownCommit, WhoseHistoryIsForgottenStaysUnknown) {
  ask(acquire("prod", "k"));
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  elsewhere(acquire("prod", "k", "elsewhere"));
  store_.elsewhere(engine::TrimHistory{clock_.wall() - 1h, 1});
  pass(20ms);
  ASSERT_NE(asked.get<Unavailable>(), nullptr);
  EXPECT_TRUE(asked.get<Unavailable>()->unknown);
  EXPECT_NE(ask(inspect("prod")).get<locks::Inspected>(), nullptr);
}

TEST_F(UnknownCommit, WhatComesMeanwhileWaitsAndIsDecidedOnWhatBecameOfIt) {
  lose(Fate::written);
  ask(acquire("prod", "k"));
  heal();
  Asked& other = ask(acquire("prod", "other"));
  EXPECT_FALSE(other.answered);
  EXPECT_EQ(commits(), 1U);
  pass(20ms);
  EXPECT_NE(other.get<Refused>(), nullptr);
}

TEST_F(UnknownCommit, IsBegunAgainWithGrowingPausesUntilTheDeadline) {
  lose(Fate::not_written, 1000);
  Asked& asked = ask(acquire("prod", "k"));
  for (int i = 0; i < 199; ++i) pass(10ms);
  EXPECT_FALSE(asked.answered);
  pass(10ms);
  ASSERT_NE(asked.get<Unavailable>(), nullptr);
  EXPECT_TRUE(asked.get<Unavailable>()->unknown);
  EXPECT_GE(commits(), 9U);
  EXPECT_LE(commits(), 14U);
  const auto tried = commits();
  pass(5s);
  EXPECT_EQ(commits(), tried) << "nobody waits for it any more";
  heal();
  EXPECT_NE(ask(acquire("prod", "k")).get<Granted>(), nullptr);
}

TEST_F(UnknownCommit, IsTriedOnWhileTheStoreSaysThatItIsAway) {
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::unavailable, "away"}; };
  for (int i = 0; i < 10; ++i) pass(100ms);
  EXPECT_FALSE(asked.answered) << "it is as unknown as before";
  heal();
  pass(250ms);
  EXPECT_NE(asked.get<Granted>(), nullptr);
}

TEST_F(UnknownCommit, ATryThatDoesNotComeBackDoesNotKeepItsCallers) {
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  store_.memory.hold(true);
  pass(1s);
  Asked& behind = ask(acquire("prod", "k"));
  pass(1s);
  ASSERT_NE(asked.get<Unavailable>(), nullptr);
  EXPECT_TRUE(asked.get<Unavailable>()->unknown);
  ASSERT_NE(behind.get<Unavailable>(), nullptr);
  EXPECT_FALSE(behind.get<Unavailable>()->unknown);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_EQ(ask(acquire("prod", "k")).get<Granted>()->token, 2U);
}

TEST_F(UnknownCommit, OfAHandOverIsToldToThePollWhenItIsKnown) {
  ask(waits("a", 30s));
  Asked& poll = ask(waits("b", 300s));
  lose(Fate::written);
  Asked& released = ask(ends("a"));
  EXPECT_FALSE(poll.answered);
  heal();
  pass(20ms);
  EXPECT_NE(released.get<locks::Released>(), nullptr);
  EXPECT_NE(poll.get<Granted>(), nullptr);
  EXPECT_FALSE(record().claims.at(0).offered);
}

TEST_F(UnknownCommit, OfALapseIsResolvedThoughNobodyWaits) {
  ask(leased("a", 1s));
  lose(Fate::written);
  pass(1s);
  heal();
  pass(500ms);
  EXPECT_EQ(engine_->counters().lapses, 1U);
  EXPECT_EQ(engine_->counters().watched, 0U);
}

TEST_F(UnknownCommit, AServerThatStopsWaitsForWhatIsUnknown) {
  lose(Fate::written);
  Asked& asked = ask(acquire("prod", "k"));
  heal();
  engine_->stop();
  settle();
  EXPECT_FALSE(asked.answered);
  pass(20ms);
  EXPECT_NE(asked.get<Granted>(), nullptr);
}

TEST_F(UnknownCommit, TheEngineWakesToBeginItAgain) {
  lose(Fate::written);
  ask(acquire("prod", "k"));
  EXPECT_LE(engine_->nap(), 20ms);
}

}  // namespace
}  // namespace lockkeeper
