// History: committed with its change, read from either end, forgotten in slices.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Slices until nothing is left to look at; how many events went.
template <typename Ask>
std::size_t trim(Ask ask, engine::TrimHistory question) {
  std::size_t dropped = 0;
  for (int slice = 0; slice < 10'000; ++slice) {
    const auto trimmed = std::get<engine::Trimmed>(ask(Question(question)));
    EXPECT_LE(trimmed.dropped, question.limit);
    dropped += trimmed.dropped;
    if (!trimmed.more) return dropped;
  }
  ADD_FAILURE() << "there is always more to trim";
  return dropped;
}

TEST_P(StoreContract, AnUnknownLockHasNoHistory) {
  const engine::HistoryRead none = history({"unknown"});
  EXPECT_THAT(none.events, IsEmpty());
  EXPECT_EQ(none.oldest, 0U);
  EXPECT_FALSE(none.more);
}

TEST_P(StoreContract, HistoryIsReadFromEitherEnd) {
  const locks::Version from = floor();
  locks::Record record = create("prod");
  for (int i = 0; i < 4; ++i) record = advance("prod", record, i % 2 == 0);
  create("pro");
  create("prod2");
  EXPECT_THAT(versions(history({"prod"})), ElementsAre(from + 1, from + 2, from + 3, from + 4, from + 5));
  EXPECT_THAT(versions(history({"prod", 0, 100, true})),
              ElementsAre(from + 5, from + 4, from + 3, from + 2, from + 1));
  EXPECT_EQ(history({"prod"}).oldest, from + 1);
}

TEST_P(StoreContract, TheLimitKeepsTheEndThatWasAskedFor) {
  const locks::Version from = floor();
  locks::Record record = create("prod");
  for (int i = 0; i < 4; ++i) record = advance("prod", record);
  const engine::HistoryRead oldest = history({"prod", 0, 2});
  EXPECT_THAT(versions(oldest), ElementsAre(from + 1, from + 2));
  EXPECT_TRUE(oldest.more);
  const engine::HistoryRead newest = history({"prod", 0, 2, true});
  EXPECT_THAT(versions(newest), ElementsAre(from + 5, from + 4));
  EXPECT_TRUE(newest.more);
  EXPECT_EQ(newest.oldest, from + 1) << "the oldest kept, not the oldest shown";
  EXPECT_FALSE(history({"prod", 0, 5}).more);
  EXPECT_FALSE(history({"prod", 0, 5, true}).more);
}

TEST_P(StoreContract, HistoryAfterAVersionGivesGreaterOnesOnly) {
  const locks::Version from = floor();
  locks::Record record = create("prod");
  for (int i = 0; i < 4; ++i) record = advance("prod", record);
  const engine::HistoryRead two = history({"prod", from + 2, 2});
  EXPECT_THAT(versions(two), ElementsAre(from + 3, from + 4));
  EXPECT_TRUE(two.more);
  const engine::HistoryRead newest = history({"prod", from + 3, 100, true});
  EXPECT_THAT(versions(newest), ElementsAre(from + 5, from + 4));
  EXPECT_FALSE(newest.more);
  const engine::HistoryRead none = history({"prod", from + 5});
  EXPECT_THAT(none.events, IsEmpty());
  EXPECT_EQ(none.oldest, from + 1) << "also when nothing is shown";
  EXPECT_FALSE(none.more);
}

TEST_P(StoreContract, ACommitMayBringSeveralEvents) {
  const locks::Version from = floor();
  const locks::Change made = creation(from, head(from + 3, true, at(0)));
  commit("prod", made);
  EXPECT_EQ(history({"prod"}).events, made.events);
}

TEST_P(StoreContract, TrimmingKeepsTheNewestOfEachLock) {
  const locks::Version from = floor();
  for (const char* name : {"a", "b", "c"}) {
    locks::Record record = create(name);
    const int more = name[0] == 'c' ? 1 : 9;
    for (int i = 0; i < more; ++i) record = advance(name, record);
  }
  const auto asked = [this](Question question) { return ask(std::move(question)); };
  EXPECT_EQ(trim(asked, {at(-1), 3, 4}), 14U);
  EXPECT_THAT(versions(history({"a"})), ElementsAre(from + 8, from + 9, from + 10));
  EXPECT_THAT(versions(history({"b"})), ElementsAre(from + 8, from + 9, from + 10));
  EXPECT_THAT(versions(history({"c"})), ElementsAre(from + 1, from + 2));
  EXPECT_EQ(history({"a"}).oldest, from + 8);
  EXPECT_EQ(trim(asked, {at(-1), 3, 4}), 0U) << "nothing is left to forget";
}

TEST_P(StoreContract, TrimmingByAgeDropsWhatIsOlder) {
  const locks::Version from = floor();
  locks::Record record = create("a");                         // at 0 s
  for (int i = 0; i < 4; ++i) record = advance("a", record);  // at 1, 2, 3, 4 s
  create("b");                                                // at 0 s
  const auto asked = [this](Question question) { return ask(std::move(question)); };
  EXPECT_EQ(trim(asked, {at(2), 1000, 2}), 3U);
  EXPECT_THAT(versions(history({"a"})), ElementsAre(from + 3, from + 4, from + 5));
  EXPECT_THAT(history({"b"}).events, IsEmpty());
  EXPECT_EQ(history({"b"}).oldest, 0U);
  EXPECT_EQ(read("a").record, record) << "the record stays";
}

TEST_P(StoreContract, WhatIsCommittedBetweenTwoSlicesIsTrimmedToo) {
  locks::Record record = create("a");
  for (int i = 0; i < 20; ++i) record = advance("a", record);
  const auto asked = [this](Question question) { return ask(std::move(question)); };
  for (int round = 0; round < 5; ++round) {
    (void)ask(engine::TrimHistory{at(-1), 5, 3});
    record = advance("a", record);
  }
  trim(asked, {at(-1), 5, 3});
  trim(asked, {at(-1), 5, 3});
  EXPECT_EQ(history({"a"}).events.size(), 5U);
}

}  // namespace
}  // namespace lockkeeper::contract
