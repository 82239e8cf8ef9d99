// Scans: in byte order, in slices, while records change.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(StoreContract, AnEmptyStoreScansToNothing) {
  const engine::Scanned scanned = scan({});
  EXPECT_THAT(scanned.locks, IsEmpty());
  EXPECT_FALSE(scanned.more);
}

TEST_P(StoreContract, AScanGivesWholeRecordsInByteOrder) {
  std::map<std::string, locks::Record> made;
  for (const char* name : {"b", "a", "\xC3\xA9", "B", "a b", "ab", "a/b", "z", "a_", "a%"})
    made[name] = create(name);
  made["b"] = advance("b", made["b"]);
  const engine::Scanned scanned = scan({});
  EXPECT_THAT(names(scanned), ElementsAre("B", "a", "a b", "a%", "a/b", "a_", "ab", "b", "z", "\xC3\xA9"));
  for (const auto& each : scanned.locks) EXPECT_EQ(each.record, made[each.lock]) << each.lock;
  EXPECT_FALSE(scanned.more);
}

TEST_P(StoreContract, AScanShowsRowsToo) {
  const locks::Version from = floor();
  locks::Claim claim;
  claim.name = "c";
  claim.holder = "ci";
  claim.token = from + 1;
  commit("a", creation(from, head(from + 1, true, at(0))));
  commit("b", creation(from, head(from + 1, true, at(0)), {locks::Row(claim)}));
  commit("c", creation(from, head(from + 1, true, at(0))));
  const engine::Scanned scanned = scan({});
  ASSERT_EQ(scanned.locks.size(), 3U);
  EXPECT_THAT(scanned.locks[0].record.claims, IsEmpty());
  EXPECT_THAT(scanned.locks[1].record.claims, ElementsAre(claim));
  EXPECT_THAT(scanned.locks[2].record.claims, IsEmpty());
}

TEST_P(StoreContract, AScanBeginsAfterAName) {
  for (const char* name : {"a", "b", "c"}) create(name);
  EXPECT_THAT(names(scan({"a"})), ElementsAre("b", "c"));
  EXPECT_THAT(names(scan({"aa"})), ElementsAre("b", "c"));
  EXPECT_THAT(names(scan({"c"})), IsEmpty());
}

TEST_P(StoreContract, AScanStopsAtItsLimitAndSaysWhetherThereIsMore) {
  for (const char* name : {"a", "b", "c"}) create(name);
  const engine::Scanned two = scan({"", "", 2});
  EXPECT_THAT(names(two), ElementsAre("a", "b"));
  EXPECT_TRUE(two.more);
  const engine::Scanned all = scan({"", "", 3});
  EXPECT_THAT(names(all), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(all.more);
  const engine::Scanned rest = scan({"b", "", 2});
  EXPECT_THAT(names(rest), ElementsAre("c"));
  EXPECT_FALSE(rest.more);
}

TEST_P(StoreContract, AScanWithAPrefixGivesThoseNamesOnly) {
  for (const char* name : {"a", "a%", "a%b", "a_", "ab", "b", "A%", "\xFF\xFE", "\xFF"}) create(name);
  EXPECT_THAT(names(scan({"", "a%"})), ElementsAre("a%", "a%b"));
  EXPECT_THAT(names(scan({"", "a_"})), ElementsAre("a_"));
  EXPECT_THAT(names(scan({"", "a"})), ElementsAre("a", "a%", "a%b", "a_", "ab"));
  EXPECT_THAT(names(scan({"a%", "a"})), ElementsAre("a%b", "a_", "ab"));
  EXPECT_THAT(names(scan({"", "\xFF"})), ElementsAre("\xFF", "\xFF\xFE"));
  EXPECT_THAT(names(scan({"", "c"})), IsEmpty());
  EXPECT_THAT(names(scan({"b", "a"})), IsEmpty());
  const engine::Scanned first = scan({"", "a", 5});
  EXPECT_EQ(first.locks.size(), 5U);
  EXPECT_FALSE(first.more) << "b is not of this prefix";
}

TEST_P(StoreContract, AScanOfHeldLocksPassesOverFreeOnes) {
  create("a", false);
  create("b");
  create("c", false);
  create("d");
  create("e", false);
  EXPECT_THAT(names(scan({"", "", 256, true})), ElementsAre("b", "d"));
  const engine::Scanned one = scan({"", "", 1, true});
  EXPECT_THAT(names(one), ElementsAre("b"));
  EXPECT_TRUE(one.more);
  const engine::Scanned last = scan({"b", "", 1, true});
  EXPECT_THAT(names(last), ElementsAre("d"));
  EXPECT_FALSE(last.more) << "only a free one follows";
}

TEST_P(StoreContract, ALockHeldByANamedClaimAloneIsHeld) {
  const locks::Version from = floor();
  locks::Claim claim;
  claim.name = "c";
  claim.holder = "ci";
  claim.token = from + 1;
  locks::Head only_key = head(from + 1, false, at(0));
  only_key.key = "k";
  commit("named", creation(from, only_key, {locks::Row(claim)}));
  EXPECT_THAT(names(scan({"", "", 256, true})), ElementsAre("named"));
}

TEST_P(StoreContract, TenThousandLocksAreScannedOnceEachWhileTheyChange) {
  // given 10,000 locks
  constexpr int kLocks = 10'000;
  const locks::Version from = floor();
  const auto name = [](int i) { return "lock " + std::to_string(100'000 + i); };
  std::vector<Question> questions;
  questions.reserve(kLocks);
  for (int i = 0; i < kLocks; ++i) {
    questions.push_back(engine::Commit{name(i), creation(from, head(from + 1, true, at(0)))});
  }
  ask_all(std::move(questions));
  // when they are scanned in slices, and between two slices locks change, before and after the cursor
  std::vector<std::string> seen;
  std::vector<locks::Version> version(kLocks, from + 1);
  engine::Scan question;
  question.prefix = "lock ";
  for (int slice = 0;; ++slice) {
    const engine::Scanned scanned = scan(question);
    ASSERT_LE(scanned.locks.size(), question.limit);
    for (const auto& each : scanned.locks) {
      seen.push_back(each.lock);
      const auto number = static_cast<std::size_t>(std::stoi(each.lock.substr(5)) - 100'000);
      ASSERT_EQ(each.record.head.version, version[number]) << "a slice shows what was committed before it";
    }
    if (!scanned.more) break;
    question.after = engine::next_after(scanned);
    std::vector<Question> changes;
    for (int i = slice % 7; i < kLocks; i += 997) {
      const auto number = static_cast<std::size_t>(i);
      changes.push_back(
          engine::Commit{name(i), change(version[number], head(version[number] + 1, slice % 2 == 0, at(slice)))});
      ++version[number];
    }
    changes.push_back(
        engine::Commit{"a new one " + std::to_string(slice), creation(from, head(from + 1, true, at(0)))});
    for (const auto& answer : ask_all(std::move(changes))) {
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer));
    }
  }
  // then each was seen once, in order
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kLocks));
  for (int i = 0; i < kLocks; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], name(i));
}

}  // namespace
}  // namespace lockkeeper::contract
