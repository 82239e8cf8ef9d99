// Pruning: a free lock is forgotten, and no version is ever given twice.
#include <gmock/gmock.h>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_P(StoreContract, PruningAFreeLockForgetsItAndRaisesTheFloor) {
  // given a lock that is free at some version
  locks::Record record = create("prod");
  for (int i = 0; i < 5; ++i) record = advance("prod", record);
  record = advance("prod", record, false);
  // when it is pruned
  const auto pruned = std::get<engine::Pruned>(ask(engine::Prune{"prod", record.head.version}));
  // then it is absent, and versions start where it ended, or later
  EXPECT_TRUE(pruned.done);
  const engine::Found found = read("prod");
  EXPECT_FALSE(found.record.has_value());
  EXPECT_GE(found.floor, record.head.version);
  EXPECT_THAT(scan({}).locks, IsEmpty());
  // also after the store was opened again
  reopen();
  EXPECT_FALSE(read("prod").record.has_value());
  EXPECT_EQ(read("prod").floor, found.floor);
}

TEST_P(StoreContract, PruningTakesTheRowsAlong) {
  const locks::Version from = floor();
  const locks::ClosedName closed{"over", from, at(0)};
  commit("prod", creation(from, head(from + 1, false, at(0)), {locks::Row(closed)}));
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"prod", from + 1})).done);
  const locks::Record made = create("prod");
  EXPECT_EQ(read("prod").record, made);
  EXPECT_THAT(made.closed, IsEmpty());
}

TEST_P(StoreContract, HistoryOutlivesThePrunedLock) {
  const locks::Version from = floor();
  const locks::Record record = advance("prod", create("prod"), false);
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"prod", record.head.version})).done);
  EXPECT_THAT(versions(history({"prod"})), ElementsAre(from + 1, from + 2));
  const locks::Record again = create("prod");
  EXPECT_THAT(versions(history({"prod"})), ElementsAre(from + 1, from + 2, again.head.version));
}

TEST_P(StoreContract, ACreationThatReadTheFloorBeforeAPruneConflicts) {
  const locks::Version old = floor();
  const locks::Record record = advance("prod", create("prod"), false);
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"prod", record.head.version})).done);
  const Answer answer = ask(engine::Commit{"prod", creation(old, head(old + 1, true, at(0)))});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
  EXPECT_FALSE(std::get<engine::Conflict>(answer).record.has_value());
  const locks::Version now = std::get<engine::Conflict>(answer).floor;
  EXPECT_GE(now, record.head.version);
  commit("prod", creation(now, head(now + 1, true, at(0))));
}

TEST_P(StoreContract, TheFloorNeverFalls) {
  locks::Record high = create("high", false);
  const locks::Record low = create("low", false);
  for (int i = 0; i < 5; ++i) high = advance("high", high, false);
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"high", high.head.version})).done);
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"low", low.head.version})).done);
  EXPECT_GE(read("high").floor, high.head.version);
}

TEST_P(StoreContract, ALockThatMovedOnIsNotPruned) {
  const locks::Record old = create("prod", false);
  const locks::Record now = advance("prod", old, false);
  EXPECT_FALSE(std::get<engine::Pruned>(ask(engine::Prune{"prod", old.head.version})).done);
  EXPECT_EQ(read("prod").record, now);
}

TEST_P(StoreContract, AHeldLockIsNotPruned) {
  const locks::Record held = create("prod");
  EXPECT_FALSE(std::get<engine::Pruned>(ask(engine::Prune{"prod", held.head.version})).done);
  EXPECT_EQ(read("prod").record, held);
}

TEST_P(StoreContract, AnUnknownLockIsNotPruned) {
  EXPECT_FALSE(std::get<engine::Pruned>(ask(engine::Prune{"unknown", 1})).done);
}

TEST_P(StoreContract, FreeLocksUnchangedForLongAreFound) {
  create("free", false);                     // at 0 s
  create("held");                            // at 0 s
  advance("young", create("young"), false);  // at 1 s
  EXPECT_THAT(std::get<engine::FreeFound>(ask(engine::FindFree{at(1)})).locks, ElementsAre("free"));
  EXPECT_THAT(std::get<engine::FreeFound>(ask(engine::FindFree{at(2)})).locks,
              UnorderedElementsAre("free", "young"));
  EXPECT_THAT(std::get<engine::FreeFound>(ask(engine::FindFree{at(0)})).locks, IsEmpty());
}

TEST_P(StoreContract, AtMostSoManyFreeLocksAreFoundAtOnce) {
  for (int i = 0; i < 10; ++i) create("free " + std::to_string(i), false);
  EXPECT_EQ(std::get<engine::FreeFound>(ask(engine::FindFree{at(1), 4})).locks.size(), 4U);
}

}  // namespace
}  // namespace lockkeeper::contract
