// Old history and long-free locks go, in slices, and never in the way of a commit.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/support/stepped_engine.h"

namespace lockkeeper {
namespace {

using engine::FindFree;
using engine::Prune;
using engine::ReadHistory;
using engine::TrimHistory;
using locks::Granted;
using locks::Inspected;
using test::acquire;
using test::Asked;
using test::inspect;
using test::release;
using namespace std::chrono_literals;

class EngineBackground : public test::SteppedEngine {
 protected:
  std::size_t events(const std::string& lock) {
    return std::get<engine::HistoryPage>(ask(ReadHistory{lock, 0, 100'000}).answer).events.size();
  }
  bool is_there(const std::string& lock) {
    return std::get<engine::Found>(store_.elsewhere(engine::Read{lock}).answer).record.has_value();
  }
};

TEST_F(EngineBackground, NothingIsDoneBeforeTenSeconds) {
  ask(acquire("prod", "k"));
  clock_.advance(9999ms);
  settle();
  EXPECT_TRUE(store_.all_begun<TrimHistory>().empty());
  EXPECT_TRUE(store_.all_begun<FindFree>().empty());
  clock_.advance(1ms);
  settle();
  EXPECT_EQ(store_.all_begun<TrimHistory>().size(), 1U);
  EXPECT_EQ(store_.all_begun<FindFree>().size(), 1U);
}

TEST_F(EngineBackground, HistoryBeyondItsNumberIsForgotten) {
  settings_.history_per_lock = 10;
  for (int i = 0; i < 3000; ++i) submit(acquire("prod", "k"));
  settle();
  EXPECT_EQ(events("prod"), 3000U);
  clock_.advance(10s);
  settle();  // in several slices
  EXPECT_EQ(events("prod"), 10U);
  EXPECT_GT(store_.all_begun<TrimHistory>().size(), 2U);
}

TEST_F(EngineBackground, HistoryBeyondItsAgeIsForgotten) {
  settings_.history_for = 1h;
  ask(acquire("prod", "k"));
  clock_.advance(1h);
  ask(acquire("prod", "k"));
  clock_.advance(1s);
  settle();
  EXPECT_EQ(events("prod"), 2U) << "the pass before came too early";
  clock_.advance(10s);
  settle();
  EXPECT_EQ(events("prod"), 1U);
}

TEST_F(EngineBackground, WhileTheStoreIsBusyItWaitsUnlessHistoryHasGrownMuch) {
  settings_.deadline = 1h;
  const auto keep_busy = [&] {
    store_.memory.hold(true);
    for (int i = 0; i < 8; ++i) submit(acquire("lock " + std::to_string(i), "k"));
    settle();
    clock_.advance(10s);
    settle();
    const std::size_t begun = store_.all_begun<TrimHistory>().size();
    store_.memory.hold(false);
    while (store_.memory.held() > 0) store_.memory.release_held();
    settle();
    return begun;
  };
  EXPECT_EQ(keep_busy(), 0U);
  clock_.advance(1s);
  settle();
  const std::size_t passes = store_.all_begun<TrimHistory>().size();
  for (int i = 0; i < 100'000; ++i) {
    submit(acquire("prod", "k"));
    if (i % 1000 == 0) settle();
  }
  settle();
  EXPECT_GT(keep_busy(), passes);
}

TEST_F(EngineBackground, ALongFreeLockIsForgottenAndItsTokensGoOn) {
  settings_.free_for = 2h;
  ask(acquire("prod", "k"));
  ask(release("prod", "k"));
  ask(acquire("held", "k"));
  clock_.advance(2h);
  settle();
  EXPECT_TRUE(is_there("prod"));
  clock_.advance(10s);
  settle();
  EXPECT_FALSE(is_there("prod"));
  EXPECT_TRUE(is_there("held"));
  const Asked& again = ask(acquire("prod", "k"));
  ASSERT_NE(again.get<Granted>(), nullptr);
  EXPECT_GT(again.get<Granted>()->token, 2U) << "no token is ever given twice";
}

TEST_F(EngineBackground, AFreeLockIsKeptForAnHourWhateverTheSettingsSay) {
  settings_.free_for = 0ms;
  ask(acquire("prod", "k"));
  ask(release("prod", "k"));
  for (int i = 0; i < 6; ++i) {
    clock_.advance(10min);
    settle();
    EXPECT_TRUE(is_there("prod"));
  }
  clock_.advance(10s);
  settle();
  EXPECT_FALSE(is_there("prod"));
}

TEST_F(EngineBackground, ALockThatNobodyRemembersIsReadBeforeItIsPruned) {
  settings_.free_for = 1h;
  settings_.cached_locks = 0;
  ask(acquire("prod", "k"));
  ask(release("prod", "k"));
  clock_.advance(1h + 10s);
  settle();
  EXPECT_FALSE(is_there("prod"));
}

TEST_F(EngineBackground, AnAbsentLockIsReadAgainWhenPruningHasRaisedTheFloor) {
  // given a lock that was asked for and is not there, and another one that is pruned at version 2
  settings_.free_for = 1h;
  ask(acquire("old", "k"));
  ask(release("old", "k"));
  EXPECT_EQ(ask(inspect("new")).get<Inspected>()->record.head.version, 0U);
  clock_.advance(1h + 10s);
  settle();
  ASSERT_FALSE(is_there("old"));
  // when an intention begins at the version that is shown now
  const locks::Version begun = ask(inspect("new")).get<Inspected>()->record.head.version;
  locks::Command command = test::acquire_named("new", "k", "claim", "request");
  std::get<locks::Acquire>(command.what).begun = begun;
  // then it did not begin too long ago
  EXPECT_EQ(begun, 2U);
  EXPECT_NE(ask(command).get<Granted>(), nullptr);
  EXPECT_EQ(engine_->counters().conflicts, 0U);
}

TEST_F(EngineBackground, ACommandThatComesDuringAPruneWaitsForItAndStartsAboveTheFloor) {
  settings_.free_for = 1h;
  ask(acquire("prod", "k"));
  ask(release("prod", "k"));
  clock_.advance(1h + 10s);
  store_.memory.hold(true);
  settle();  // trim, find
  store_.memory.release_held();
  settle();
  ASSERT_EQ(store_.all_begun<Prune>().size(), 1U);
  Asked& asked = ask(acquire("prod", "k"));
  EXPECT_TRUE(store_.all_begun<engine::Commit>().size() == 2U) << "the prune is the lock's change under way";
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  ASSERT_NE(asked.get<Granted>(), nullptr);
  EXPECT_EQ(asked.get<Granted>()->token, 3U);
}

TEST_F(EngineBackground, ALockThatWasUsedSinceItWasFoundIsNotPruned) {
  settings_.free_for = 1h;
  ask(acquire("prod", "k"));
  ask(release("prod", "k"));
  clock_.advance(1h + 10s);
  store_.memory.hold(true);
  settle();
  ASSERT_EQ(store_.all_begun<FindFree>().size(), 1U);
  // when it is taken and freed, in one commit, while the answer is under way
  submit(acquire("prod", "k"));
  submit(release("prod", "k"));
  settle();
  ASSERT_EQ(store_.all_begun<engine::Commit>().size(), 3U);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_TRUE(store_.all_begun<Prune>().empty());
  EXPECT_TRUE(is_there("prod"));
}

}  // namespace
}  // namespace lockkeeper
