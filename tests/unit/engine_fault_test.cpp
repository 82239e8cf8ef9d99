// A store that fails, is slow, or is shared: no false success, and the engine goes on.
#include <gmock/gmock.h>

#include <chrono>

#include "locks/decide.h"
#include "tests/support/stepped_engine.h"

namespace lockkeeper {
namespace {

using engine::Commit;
using engine::Failed;
using engine::Operation;
using engine::Read;
using locks::Granted;
using locks::Inspected;
using locks::Refused;
using locks::Unavailable;
using std::chrono::milliseconds;
using test::acquire;
using test::Asked;
using test::inspect;
using test::release;

class EngineFault : public test::SteppedEngine {
 protected:
  void fail_commits(Failed::Kind kind) {
    store_.memory.fault = [kind](const Operation& operation) -> std::optional<Failed> {
      if (!std::holds_alternative<Commit>(operation.question)) return std::nullopt;
      return Failed{kind, "the disk is full"};
    };
  }
  void heal() { store_.memory.fault = nullptr; }
  // What another server writes: one claim more on what is there.
  void acquire_elsewhere(const std::string& lock, const std::string& key) {
    const auto found = std::get<engine::Found>(store_.elsewhere(Read{lock}).answer);
    const auto record = found.record.value_or(locks::absent(found.floor));
    auto decision = locks::decide(record, acquire(lock, key, "elsewhere"), clock_.wall(), {});
    ASSERT_TRUE(decision.change.has_value());
    decision.change->creates = !found.record;
    ASSERT_TRUE(std::holds_alternative<engine::Committed>(store_.elsewhere(Commit{lock, *decision.change}).answer));
  }
};

TEST_F(EngineFault, WithoutRoomTheCallersAreToldAndTheLockIsAsItWas) {
  ask(acquire("prod", "k"));
  fail_commits(Failed::Kind::no_room);
  Asked& first = submit(acquire("prod", "k"));
  Asked& chained = submit(inspect("prod"));
  settle();
  ASSERT_NE(first.get<Unavailable>(), nullptr);
  EXPECT_EQ(first.get<Unavailable>()->why, "the disk is full");
  EXPECT_FALSE(first.get<Unavailable>()->unknown);
  EXPECT_NE(chained.get<Unavailable>(), nullptr) << "it was decided on what was not committed";
  const Asked& read = ask(inspect("prod"));
  ASSERT_NE(read.get<Inspected>(), nullptr) << "reading needs no room";
  EXPECT_EQ(read.get<Inspected>()->record.head.version, 1U);
  EXPECT_TRUE(engine_->ready());
  heal();
  ASSERT_NE(ask(acquire("prod", "k")).get<Granted>(), nullptr);
  EXPECT_EQ(letters_.order.back()->get<Granted>()->token, 2U);
}

TEST_F(EngineFault, AnUnknownCommitIsSaidToBeUnknownAndTheLockIsReadAgain) {
  ask(acquire("prod", "k"));
  fail_commits(Failed::Kind::unknown);
  const auto reads = store_.all_begun<Read>().size();
  const Asked& asked = ask(acquire("prod", "k"));
  for (int i = 0; i < 200 && !asked.answered; ++i) {
    clock_.advance(milliseconds(10));
    settle();
  }
  ASSERT_NE(asked.get<Unavailable>(), nullptr);
  EXPECT_TRUE(asked.get<Unavailable>()->unknown);
  EXPECT_TRUE(engine_->ready()) << "the store answers";
  heal();
  EXPECT_NE(ask(inspect("prod")).get<Inspected>(), nullptr);
  EXPECT_EQ(store_.all_begun<Read>().size(), reads + 1);
}

TEST_F(EngineFault, ACommandThatWaitsBehindAFailedCommitIsTriedItself) {
  ask(acquire("prod", "k"));
  store_.memory.hold(true);
  Asked& fails = ask(acquire("prod", "k"));
  Asked& waits = ask(acquire("prod", "k"));
  fail_commits(Failed::Kind::unavailable);
  store_.memory.release_held();
  heal();
  store_.memory.hold(false);
  settle();
  EXPECT_NE(fails.get<Unavailable>(), nullptr);
  ASSERT_NE(waits.get<Granted>(), nullptr);
  EXPECT_EQ(waits.get<Granted>()->token, 2U);
}

TEST_F(EngineFault, AReadThatFailsIsSaid) {
  store_.memory.fault = [](const Operation&) { return Failed{Failed::Kind::unavailable, "away"}; };
  for (const Asked* asked : {&ask(acquire("prod", "k")), &ask(engine::Scan{}), &ask(engine::ReadHistory{"prod"})}) {
    ASSERT_NE(asked->get<Unavailable>(), nullptr);
    EXPECT_EQ(asked->get<Unavailable>()->why, "away");
    EXPECT_FALSE(asked->get<Unavailable>()->unknown);
  }
  heal();
  EXPECT_NE(ask(acquire("prod", "k")).get<Granted>(), nullptr);
}

TEST_F(EngineFault, AfterTheDeadlineACommitIsUnknownAndNewCommandsFailFast) {
  // given a commit that does not come back, and a command behind it
  ask(acquire("prod", "k"));
  store_.memory.hold(true);
  Asked& under_way = ask(acquire("prod", "k"));
  Asked& behind = ask(acquire("prod", "k"));
  clock_.advance(milliseconds(1999));
  settle();
  EXPECT_FALSE(under_way.answered);
  // when the deadline passes
  clock_.advance(milliseconds(1));
  settle();
  // then nobody knows what became of it, and the other was not tried
  ASSERT_NE(under_way.get<Unavailable>(), nullptr);
  EXPECT_TRUE(under_way.get<Unavailable>()->unknown);
  ASSERT_NE(behind.get<Unavailable>(), nullptr);
  EXPECT_FALSE(behind.get<Unavailable>()->unknown);
  EXPECT_FALSE(engine_->ready());
  const auto begun = store_.begun.size();
  EXPECT_NE(ask(inspect("prod")).get<Unavailable>(), nullptr);
  EXPECT_NE(ask(acquire("elsewhere", "k")).get<Unavailable>(), nullptr);
  EXPECT_NE(ask(engine::Scan{}).get<Unavailable>(), nullptr);
  EXPECT_EQ(store_.begun.size(), begun) << "nothing more is begun";
  // and when it comes back after all, the lock is read before it is decided on
  const auto reads = store_.all_begun<Read>().size();
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(engine_->ready());
  const Asked& after = ask(acquire("prod", "k"));
  EXPECT_EQ(store_.all_begun<Read>().size(), reads + 1);
  ASSERT_NE(after.get<Granted>(), nullptr);
  EXPECT_EQ(after.get<Granted>()->token, 3U) << "the late one was committed";
}

TEST_F(EngineFault, AScanThatIsLateIsAnsweredOnce) {
  store_.memory.hold(true);
  Asked& scan = ask(engine::Scan{});
  Asked& history = ask(engine::ReadHistory{"prod"});
  clock_.advance(milliseconds(2000));
  settle();
  EXPECT_NE(scan.get<Unavailable>(), nullptr);
  EXPECT_NE(history.get<Unavailable>(), nullptr);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(engine_->ready());
}

TEST_F(EngineFault, WhatMetANewerVersionIsDecidedAgainOnTheRecordGivenBack) {
  store_.alone = false;
  ask(acquire("prod", "mine"));
  ask(release("prod", "mine"));
  acquire_elsewhere("prod", "theirs");
  Asked& first = submit(acquire("prod", "mine"));
  Asked& second = submit(acquire("prod", "theirs"));
  settle();
  EXPECT_NE(first.get<Refused>(), nullptr) << "on what it remembered, this would have been granted";
  ASSERT_NE(second.get<Granted>(), nullptr);
  EXPECT_EQ(second.get<Granted>()->token, 4U);
  EXPECT_EQ(engine_->counters().conflicts, 1U);
}

TEST_F(EngineFault, OverASharedStoreNothingIsAnsweredFromMemoryAlone) {
  store_.alone = false;
  ask(acquire("prod", "mine"));
  acquire_elsewhere("prod", "mine");
  const Asked& inspected = ask(inspect("prod"));
  ASSERT_NE(inspected.get<Inspected>(), nullptr);
  EXPECT_EQ(inspected.get<Inspected>()->record.head.version, 2U);
  acquire_elsewhere("prod", "mine");
  EXPECT_EQ(std::get<engine::HistoryPage>(ask(engine::ReadHistory{"prod"}).answer).version, 3U);
}

TEST_F(EngineFault, ACheckServesOnlyWhatCameBeforeIt) {
  store_.alone = false;
  ask(acquire("prod", "mine"));
  store_.memory.hold(true);
  Asked& before = ask(inspect("prod"));
  ASSERT_EQ(store_.all_begun<Read>().size(), 2U);
  Asked& after = ask(inspect("prod"));
  store_.memory.release_held(1);
  settle();
  EXPECT_TRUE(before.answered);
  EXPECT_FALSE(after.answered) << "the read may have been carried out before it came";
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(after.answered);
}

TEST_F(EngineFault, ALockThatChangesAllTheTimeIsGivenUpAfterSixteenConflicts) {
  store_.alone = false;
  ask(acquire("prod", "k"));
  store_.memory.hold(true);
  Asked& asked = ask(acquire("prod", "k"));
  int rounds = 0;
  for (; !asked.answered && rounds < 100; ++rounds) {
    store_.memory.hold(false);
    acquire_elsewhere("prod", "k");
    store_.memory.hold(true);
    store_.memory.release_held();
    settle();
  }
  EXPECT_EQ(rounds, 16);
  EXPECT_NE(asked.get<Unavailable>(), nullptr);
  store_.memory.hold(false);
  EXPECT_NE(ask(acquire("prod", "k")).get<Granted>(), nullptr);
}

}  // namespace
}  // namespace lockkeeper
