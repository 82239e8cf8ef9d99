// What waits on a lock: decided together, in order, and answered only after the commit it depends on.
#include <gmock/gmock.h>

#include "tests/support/stepped_engine.h"

namespace lockkeeper {
namespace {

using engine::Commit;
using locks::Granted;
using locks::Inspected;
using locks::Refused;
using locks::Released;
using test::acquire;
using test::acquire_named;
using test::Asked;
using test::inspect;
using test::release;

class EngineLine : public test::SteppedEngine {};

TEST_F(EngineLine, AnOutcomeLeavesOnlyAfterItsCommit) {
  // given a store that takes its time
  store_.memory.hold(true);
  Asked& asked = ask(acquire("prod", "k"));
  store_.memory.release_held();  // the read
  settle();
  ASSERT_EQ(store_.all_begun<Commit>().size(), 1U);
  // then there is no answer before the commit is back
  EXPECT_FALSE(asked.answered);
  store_.memory.release_held();
  settle();
  ASSERT_NE(asked.get<Granted>(), nullptr);
  EXPECT_EQ(asked.get<Granted>()->token, 1U);
}

TEST_F(EngineLine, ARefusalOnAKnownLockIsAnsweredAtOnce) {
  ask(acquire("prod", "mine"));
  const std::size_t before = store_.begun.size();
  store_.memory.hold(true);
  const Asked& refused = ask(acquire("prod", "other"));
  const Asked& inspected = ask(inspect("prod"));
  EXPECT_NE(refused.get<Refused>(), nullptr);
  EXPECT_NE(inspected.get<Inspected>(), nullptr);
  EXPECT_EQ(store_.begun.size(), before) << "nothing to ask the store";
}

TEST_F(EngineLine, CommandsThatComeDuringACommitAreDecidedTogetherWhenItIsBack) {
  ask(release("prod", "k"));  // known now
  store_.memory.hold(true);
  ask(acquire("prod", "k", "first"));
  std::vector<Asked*> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(&ask(acquire("prod", "k", "holder " + std::to_string(i))));
  EXPECT_EQ(store_.all_begun<Commit>().size(), 1U) << "one change of a lock is under way at most";
  store_.memory.release_held();
  settle();
  ASSERT_EQ(store_.all_begun<Commit>().size(), 2U);
  const locks::Change merged = store_.all_begun<Commit>()[1].change;
  EXPECT_EQ(merged.expected, 1U);
  EXPECT_EQ(merged.head.version, 11U);
  EXPECT_EQ(merged.events.size(), 10U);
  EXPECT_FALSE(waiting.front()->answered);
  store_.memory.release_held();
  settle();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    ASSERT_NE(waiting[i]->get<Granted>(), nullptr);
    EXPECT_EQ(waiting[i]->get<Granted>()->token, i + 2);
  }
}

TEST_F(EngineLine, WhatWasDecidedOnAChangeIsAnsweredWithIt) {
  ask(release("prod", "k"));
  store_.memory.hold(true);
  Asked& before = submit(inspect("prod"));
  Asked& granted = submit(acquire("prod", "k"));
  Asked& refused = submit(acquire("prod", "other"));
  Asked& after = submit(inspect("prod"));
  settle();
  EXPECT_TRUE(before.answered) << "depends on nothing that is under way";
  EXPECT_FALSE(granted.answered);
  EXPECT_FALSE(refused.answered) << "its holder has not been committed yet";
  EXPECT_FALSE(after.answered);
  store_.memory.release_held();
  settle();
  EXPECT_EQ(letters_.order, (std::vector<Asked*>{&asked_.front(), &before, &granted, &refused, &after}));
  EXPECT_EQ(before.get<Inspected>()->record.head.version, 0U);
  EXPECT_EQ(after.get<Inspected>()->record.head.version, 1U);
}

TEST_F(EngineLine, LocksInOneStepGoToTheStoreAsOneChain) {
  ask(release("a", "k"));
  ask(release("b", "k"));
  const std::size_t before = store_.chains;
  submit(acquire("a", "k"));
  submit(acquire("b", "k"));
  submit(engine::Scan{});
  engine_->step();
  EXPECT_EQ(store_.chains, before + 1);
}

TEST_F(EngineLine, AMailboxGetsAStepsAnswersAtOnce) {
  ask(release("a", "k"));
  test::Letters here;
  test::Letters there;
  for (int i = 0; i < 20; ++i) submit(inspect("a"), i % 2 == 0 ? &here : &there);
  engine_->step();
  EXPECT_EQ(here.order.size(), 10U);
  EXPECT_EQ(there.order.size(), 10U);
  EXPECT_EQ(here.deliveries, 1U);
  EXPECT_EQ(there.deliveries, 1U);
}

TEST_F(EngineLine, ACommitGrantsThirtyTwoAtMostAndTheRestFollowFirst) {
  ask(release("prod", "k"));
  std::vector<Asked*> waiting;
  for (int i = 0; i < 70; ++i) waiting.push_back(&submit(acquire("prod", "k")));
  Asked& last = submit(inspect("prod"));
  settle();
  const auto commits = store_.all_begun<Commit>();
  ASSERT_EQ(commits.size(), 3U);
  EXPECT_EQ(commits[0].change.events.size(), 32U);
  EXPECT_EQ(commits[1].change.events.size(), 32U);
  EXPECT_EQ(commits[2].change.events.size(), 6U);
  for (std::size_t i = 0; i < waiting.size(); ++i) EXPECT_EQ(waiting[i]->get<Granted>()->token, i + 1);
  EXPECT_EQ(last.get<Inspected>()->record.head.tallies[0].count, 70U);
}

TEST_F(EngineLine, ACommitHasSixtyFourRowsAtMostUnlessOneDecisionNeedsMore) {
  // given 80 named claims
  for (int i = 0; i < 80; ++i) {
    submit(acquire_named("prod", "k", "claim " + std::to_string(i), "r"));
  }
  settle();
  const auto many = store_.all_begun<Commit>().size();
  // when they are released one by one: each takes its row away and closes its name
  for (int i = 0; i < 40; ++i) {
    submit({locks::Command{
        "prod", {}, locks::Release{.key = "k", .holder = "ci", .claim = "claim " + std::to_string(i)}}});
  }
  settle();
  const auto commits = store_.all_begun<Commit>();
  ASSERT_EQ(commits.size(), many + 2);
  EXPECT_EQ(commits[many].change.rows.size(), 64U);
  EXPECT_EQ(commits[many + 1].change.rows.size(), 16U);
  // and a single one that ends all is whole
  Asked& forced = ask(locks::Command{"prod", {}, locks::ForceRelease{"stuck"}});
  ASSERT_NE(forced.get<Released>(), nullptr);
  EXPECT_EQ(forced.get<Released>()->released, 40U);
  EXPECT_GT(store_.all_begun<Commit>().back().change.rows.size(), 64U);
}

TEST_F(EngineLine, EveryEventCarriesTheIdOfItsCommit) {
  settings_.change_prefix = "server-1/";
  ask(acquire("prod", "k"));
  submit(acquire("prod", "k"));
  submit(release("prod", "k"));
  settle();
  const auto commits = store_.all_begun<Commit>();
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_TRUE(commits[0].change.creates);
  EXPECT_FALSE(commits[1].change.creates);
  EXPECT_EQ(commits[0].change.events[0].change, "server-1/1");
  EXPECT_EQ(commits[1].change.events[0].change, "server-1/2");
  EXPECT_EQ(commits[1].change.events[1].change, "server-1/2");
}

TEST_F(EngineLine, WhatDoesNotFitIntoTheCacheIsReadAgain) {
  settings_.cached_locks = 2;
  for (const char* name : {"a", "b", "c"}) ask(acquire(name, "k"));
  EXPECT_EQ(engine_->counters().cached, 2U);
  const std::size_t reads = store_.all_begun<engine::Read>().size();
  ask(inspect("c"));
  EXPECT_EQ(store_.all_begun<engine::Read>().size(), reads) << "used lately";
  const Asked& oldest = ask(inspect("a"));
  EXPECT_EQ(store_.all_begun<engine::Read>().size(), reads + 1);
  EXPECT_EQ(oldest.get<Inspected>()->record.head.version, 1U);
}

TEST_F(EngineLine, MoreCommandsThanAllowedInFlightAreToldSo) {
  settings_.in_flight = 2;
  store_.memory.hold(true);
  submit(acquire("a", "k"));
  submit(acquire("b", "k"));
  settle();
  const Asked& third = ask(acquire("c", "k"));
  ASSERT_NE(third.get<locks::Unavailable>(), nullptr);
  EXPECT_FALSE(third.get<locks::Unavailable>()->unknown);
  EXPECT_EQ(engine_->counters().in_flight, 2U);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_NE(ask(acquire("c", "k")).get<Granted>(), nullptr);
}

TEST_F(EngineLine, AScanIsTheStoresAnswer) {
  ask(acquire("a", "k"));
  ask(acquire("b", "k"));
  ask(release("b", "k"));
  const Asked& all = ask(engine::Scan{"", "", 10, true});
  ASSERT_TRUE(std::holds_alternative<engine::Scanned>(all.answer));
  const auto& scanned = std::get<engine::Scanned>(all.answer);
  ASSERT_EQ(scanned.locks.size(), 1U);
  EXPECT_EQ(scanned.locks[0].lock, "a");
}

TEST_F(EngineLine, AHistoryPageHasTheLocksVersion) {
  for (int i = 0; i < 5; ++i) ask(acquire("prod", "k"));
  const Asked& asked = ask(engine::ReadHistory{"prod", 0, 2});
  const auto& page = std::get<engine::HistoryPage>(asked.answer);
  EXPECT_EQ(page.version, 5U);
  EXPECT_EQ(page.events.size(), 2U);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.oldest, 1U);
  EXPECT_EQ(std::get<engine::HistoryPage>(ask(engine::ReadHistory{"unknown"}).answer).version, 0U);
}

TEST_F(EngineLine, AHistoryPageThatOvertakesACommitShowsTheCommittedVersion) {
  ask(acquire("prod", "k"));
  store_.memory.hold(true);
  submit(acquire("prod", "k"));
  Asked& history = submit(engine::ReadHistory{"prod"});
  settle();
  store_.memory.release_held();
  settle();
  const auto& page = std::get<engine::HistoryPage>(history.answer);
  EXPECT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.version, 2U) << "no event is newer than the version";
}

}  // namespace
}  // namespace lockkeeper
