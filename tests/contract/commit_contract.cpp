// Commits are conditional, whole or not at all, and read back as they were written.
#include <gmock/gmock.h>

#include <chrono>
#include <variant>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using std::chrono::milliseconds;

locks::Claim claim(const std::string& name, locks::Version token) {
  locks::Claim claim;
  claim.name = name;
  claim.holder = "ci";
  claim.token = token;
  claim.since = at(5);
  claim.renewed = claim.granted = token;
  return claim;
}

locks::Waiter waiter(const std::string& name, locks::Version place) {
  locks::Waiter waiter;
  waiter.name = name;
  waiter.key = "other";
  waiter.holder = "ci";
  waiter.place = place;
  waiter.since = at(6);
  return waiter;
}

TEST_P(StoreContract, AnUnknownLockIsAbsentAndHasAFloor) {
  const engine::Found found = read("unknown");
  EXPECT_FALSE(found.record.has_value());
  EXPECT_EQ(found.floor, floor());
}

TEST_P(StoreContract, ACreatedLockIsReadBackWhole) {
  const locks::Record made = create("prod");
  EXPECT_EQ(read("prod").record, made);
}

TEST_P(StoreContract, AnUpdateReplacesTheHeadAndLeavesRowsThatItDoesNotNameAlone) {
  // given a lock with two claims
  const locks::Version from = floor();
  const locks::Change made = creation(from, head(from + 2, true, at(0)),
                                      {locks::Row(claim("a", from + 1)), locks::Row(claim("b", from + 2))});
  commit("prod", made);
  // when a change names one of them
  const locks::Change next =
      change(from + 2, head(from + 3, true, at(9)), {locks::RowId{locks::RowKind::claim, "a"}});
  commit("prod", next);
  // then the other is still there
  locks::Record expected = locks::absent(from);
  locks::apply(expected, made);
  locks::apply(expected, next);
  EXPECT_EQ(read("prod").record, expected);
  EXPECT_EQ(expected.claims.size(), 1U);
}

TEST_P(StoreContract, ACommitThatExpectsAnotherVersionGivesTheRecordBackAndWritesNothing) {
  const locks::Record first = create("prod");
  const locks::Record now = advance("prod", first, false);
  for (const locks::Version expected : {first.head.version, now.head.version + 1}) {
    const Answer answer = ask(engine::Commit{
        "prod", change(expected, head(expected + 1, true, at(99)), {locks::Row(claim("late", expected + 1))})});
    ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
    EXPECT_EQ(std::get<engine::Conflict>(answer).record, now);
    EXPECT_EQ(read("prod").record, now);
    EXPECT_EQ(history({"prod"}).events.size(), 2U);
  }
}

TEST_P(StoreContract, ALockThatIsThereIsNotCreatedAgain) {
  const locks::Version from = floor();
  const locks::Record made = create("prod");
  for (const locks::Version expected : {from, made.head.version}) {
    const Answer answer = ask(engine::Commit{"prod", creation(expected, head(expected + 1, false, at(9)))});
    ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
    EXPECT_EQ(std::get<engine::Conflict>(answer).record, made);
    EXPECT_EQ(read("prod").record, made);
  }
}

TEST_P(StoreContract, ALockThatIsAbsentIsNotUpdated) {
  const locks::Version from = floor();
  const Answer answer = ask(engine::Commit{"prod", change(from, head(from + 1, true, at(0)))});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
  EXPECT_FALSE(std::get<engine::Conflict>(answer).record.has_value());
  EXPECT_EQ(std::get<engine::Conflict>(answer).floor, from);
  EXPECT_FALSE(read("prod").record.has_value());
  EXPECT_TRUE(history({"prod"}).events.empty());
}

TEST_P(StoreContract, ACreationOnAnotherFloorConflictsAndGivesTheFloor) {
  const locks::Version from = floor();
  const Answer answer = ask(engine::Commit{"prod", creation(from + 5, head(from + 6, true, at(0)))});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
  EXPECT_FALSE(std::get<engine::Conflict>(answer).record.has_value());
  EXPECT_EQ(std::get<engine::Conflict>(answer).floor, from);
  EXPECT_FALSE(read("prod").record.has_value());
}

TEST_P(StoreContract, EveryFieldOfHeadAndRowsComesBackAsItWasPut) {
  const locks::Version from = floor();
  locks::Head full;
  full.version = from + 3;
  full.forgotten = from + 1;
  full.key = "k\"ey\\ with 'quotes', \n, \x01 and \xC3\xA9\xE2\x9C\x93";
  full.tallies = {{"alice", 3, from + 1, from + 2, at(1) + milliseconds(7)},
                  {"b\xC3\xB6"
                   "b",
                   1'000'000'000'000, 9, 10, at(2)}};
  full.changed = at(3) + milliseconds(123);
  full.timed = 4;
  full.mean_hold = milliseconds(61'003);
  locks::Claim leased = claim("purpose #1", from + 1);
  leased.request = "request-1";
  leased.begun = from;
  leased.metadata = {{"build", "https://ci/builds/1?a=b&c=\"d\""}, {"", "empty key"}, {"empty value", ""}};
  leased.by = "operator";
  leased.ttl = milliseconds(90'001);
  leased.renewed = from + 2;
  leased.max_hold = milliseconds(3'600'000);
  leased.granted = from;
  locks::Claim unnamed = claim("", from + 2);
  unnamed.metadata = {{"b", "1"}, {"a", "2"}};
  locks::Claim offer = claim("offer", from + 3);
  offer.offered = milliseconds(60'001);
  offer.ttl = milliseconds(1000);
  locks::Waiter waiting = waiter("w", from + 3);
  waiting.key = full.key;
  waiting.request = "request-2";
  waiting.begun = from + 1;
  waiting.metadata = {{"a", "b"}};
  waiting.by = "someone";
  waiting.door = "locker";
  waiting.ttl = milliseconds(1);
  waiting.max_hold = milliseconds(2);
  waiting.grace = milliseconds(59'999);
  waiting.renewed = from + 4;
  locks::Waiter unnamed_waiting = waiter("", from + 4);
  const std::vector<locks::ClosedName> closed = {{"gone", from, at(4) + milliseconds(999), locks::End::released},
                                                 {"gone too", from + 1, at(4), locks::End::lapsed},
                                                 {"and this", from + 2, at(4), locks::End::forced}};
  const locks::Change made =
      creation(from, full,
               {locks::Row(leased), locks::Row(unnamed), locks::Row(offer), locks::Row(waiting),
                locks::Row(unnamed_waiting), locks::Row(closed[0]), locks::Row(closed[1]), locks::Row(closed[2])});
  commit("prod", made);
  locks::Record expected;
  expected.head = full;
  expected.claims = {leased, unnamed, offer};
  expected.waiters = {waiting, unnamed_waiting};
  expected.closed = closed;
  EXPECT_EQ(read("prod").record, expected);
  reopen();
  EXPECT_EQ(read("prod").record, expected);
}

TEST_P(StoreContract, EveryFieldOfAnEventComesBackAsItWasPut) {
  const locks::Version from = floor();
  locks::Change made = creation(from, head(from + 13, true, at(0)));
  ASSERT_EQ(made.events.size(), 13U);
  for (std::size_t i = 0; i < made.events.size(); ++i) {
    locks::Event& event = made.events[i];
    event.at = at(static_cast<long long>(i)) + milliseconds(17);
    event.change = "a/" + std::to_string(i);
    event.what = static_cast<locks::What>(i);
    event.holder = "hol\"der \xC3\xA9";
    event.claim = i % 2 == 0 ? "" : "name";
    event.token = i;
    event.count = i + 1;
    event.by = "ann";
    event.door = "locker";
    event.reason = "it was\nstuck";
  }
  commit("prod", made);
  EXPECT_EQ(history({"prod"}).events, made.events);
  reopen();
  EXPECT_EQ(history({"prod"}).events, made.events);
}

TEST_P(StoreContract, OfOperationsOnOneRowTheLastWins) {
  const locks::Version from = floor();
  const locks::RowId a{locks::RowKind::claim, "a"};
  const locks::RowId b{locks::RowKind::claim, "b"};
  locks::Claim newer = claim("a", from + 1);
  newer.request = "second";
  const locks::Change made = creation(from, head(from + 1, true, at(0)),
                                      {locks::Row(claim("a", from + 1)), a, locks::Row(newer),  // put, off, put
                                       locks::Row(claim("b", from + 1)), b,                     // put, off
                                       locks::RowId{locks::RowKind::closed, "never there"}});
  commit("prod", made);
  EXPECT_THAT(read("prod").record->claims, testing::ElementsAre(newer));
  // and off, put in an update
  commit("prod", change(from + 1, head(from + 2, true, at(0)), {a, locks::Row(claim("a", from + 2))}));
  EXPECT_THAT(read("prod").record->claims, testing::ElementsAre(claim("a", from + 2)));
}

TEST_P(StoreContract, ARowIsKnownByItsKindAndId) {
  const locks::Version from = floor();
  const locks::ClosedName closed{"same", from, at(0)};
  commit("prod",
         creation(from, head(from + 1, true, at(0)),
                  {locks::Row(claim("same", from + 1)), locks::Row(waiter("same", from + 1)), locks::Row(closed)}));
  commit("prod", change(from + 1, head(from + 2, true, at(0)), {locks::RowId{locks::RowKind::waiter, "same"}}));
  const auto record = read("prod").record;
  EXPECT_THAT(record->claims, testing::ElementsAre(claim("same", from + 1)));
  EXPECT_THAT(record->waiters, testing::IsEmpty());
  EXPECT_THAT(record->closed, testing::ElementsAre(closed));
}

TEST_P(StoreContract, UnnamedClaimsAreKnownByTheirToken) {
  const locks::Version from = floor();
  commit("prod", creation(from, head(from + 2, true, at(0)),
                          {locks::Row(claim("", from + 1)), locks::Row(claim("", from + 2))}));
  commit("prod", change(from + 2, head(from + 3, true, at(0)), {locks::id(claim("", from + 1))}));
  EXPECT_THAT(read("prod").record->claims, testing::ElementsAre(claim("", from + 2)));
}

TEST_P(StoreContract, RowsComeInTheOrderOfTokenPlaceAndUpTo) {
  // given rows whose ids sort otherwise
  const locks::Version from = floor();
  const locks::ClosedName old{"z", from, at(0)};
  const locks::ClosedName young{"a", from + 9, at(0)};
  commit("prod", creation(from, head(from + 10, true, at(0)),
                          {locks::Row(claim("a", from + 10)), locks::Row(claim("b", from + 9)),
                           locks::Row(claim("c", from + 2)), locks::Row(waiter("x", from + 10)),
                           locks::Row(waiter("y", from + 3)), locks::Row(young), locks::Row(old)}));
  const auto record = read("prod").record;
  EXPECT_THAT(record->claims,
              testing::ElementsAre(claim("c", from + 2), claim("b", from + 9), claim("a", from + 10)));
  EXPECT_THAT(record->waiters, testing::ElementsAre(waiter("y", from + 3), waiter("x", from + 10)));
  EXPECT_THAT(record->closed, testing::ElementsAre(old, young));
}

TEST_P(StoreContract, ALockMayHaveAThousandClaimsAndWaitersOfFourKilobytes) {
  const locks::Version from = floor();
  locks::Record expected = locks::absent(from);
  for (int part = 0; part < 32; ++part) {
    const locks::Version before = expected.head.version;
    std::vector<locks::RowOperation> rows;
    for (int i = 0; i < 32; ++i) {
      const std::string name = std::to_string(part * 32 + i);
      locks::Claim big = claim("claim " + name, before + 1);
      big.metadata = {{"text", std::string(4000, 'x')}};
      rows.emplace_back(locks::Row(std::move(big)));
      rows.emplace_back(locks::Row(waiter("waiter " + name, before + 1)));
    }
    // Names that share a token are in the order in which apply() has them only by luck; give each its own.
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto& row = std::get<locks::Row>(rows[i]);
      if (auto* put = std::get_if<locks::Claim>(&row)) put->token = before + 1 + i;
      if (auto* put = std::get_if<locks::Waiter>(&row)) put->place = before + 1 + i;
    }
    locks::Change next = change(before, head(before + 64, true, at(part)), std::move(rows));
    next.creates = part == 0;
    commit("prod", next);
    locks::apply(expected, next);
  }
  EXPECT_EQ(read("prod").record, expected);
  EXPECT_EQ(expected.claims.size(), 1024U);
  EXPECT_EQ(expected.waiters.size(), 1024U);
}

TEST_P(StoreContract, NamesOfLocksAreBytes) {
  std::vector<std::string> all = {
      "a", "A", "a ", " a", "a/b", "a%2Fb", "it's \"it\"", "\xC3\xA9", std::string(512, 'n')};
  for (const auto& name : all) create(name);
  for (const auto& name : all) EXPECT_TRUE(read(name).record.has_value()) << name;
  EXPECT_EQ(scan({}).locks.size(), all.size());
}

TEST_P(StoreContract, TwoLocksInOneChainAreBothCommitted) {
  const locks::Version from = floor();
  const auto answers = ask_all({engine::Commit{"one", creation(from, head(from + 1, true, at(0)))},
                                engine::Commit{"two", creation(from, head(from + 1, false, at(0)))}});
  for (const auto& answer : answers) EXPECT_TRUE(std::holds_alternative<engine::Committed>(answer));
  EXPECT_TRUE(read("one").record.has_value());
  EXPECT_TRUE(read("two").record.has_value());
}

TEST_P(StoreContract, AConflictLeavesItsNeighboursInTheChainAlone) {
  const locks::Record there = create("there");
  const locks::Version from = floor();
  const auto answers = ask_all({engine::Commit{"first", creation(from, head(from + 1, true, at(0)))},
                                engine::Commit{"there", creation(from, head(from + 1, false, at(0)))},
                                engine::Commit{"last", creation(from, head(from + 1, true, at(0)))}});
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(answers[0]));
  EXPECT_TRUE(std::holds_alternative<engine::Conflict>(answers[1]));
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(answers[2]));
  reopen();
  EXPECT_TRUE(read("first").record.has_value());
  EXPECT_EQ(read("there").record, there);
  EXPECT_TRUE(read("last").record.has_value());
}

TEST_P(StoreContract, AChainMayHoldEveryKindOfQuestion) {
  const locks::Record free = create("free", false);
  create("prod");
  const auto answers =
      ask_all({engine::Commit{"new", creation(floor(), head(floor() + 1, true, at(0)))}, engine::Read{"prod"},
               engine::Scan{}, engine::ReadHistory{"prod"}, engine::Prune{"free", free.head.version + 1},
               engine::FindFree{at(-1)}, engine::TrimHistory{at(-1)}});
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(answers[0]));
  EXPECT_TRUE(std::holds_alternative<engine::Found>(answers[1]));
  EXPECT_TRUE(std::holds_alternative<engine::Scanned>(answers[2]));
  EXPECT_TRUE(std::holds_alternative<engine::HistoryRead>(answers[3]));
  EXPECT_TRUE(std::holds_alternative<engine::Pruned>(answers[4]));
  EXPECT_TRUE(std::holds_alternative<engine::FreeFound>(answers[5]));
  EXPECT_TRUE(std::holds_alternative<engine::Trimmed>(answers[6]));
}

TEST_P(StoreContract, AThousandCommitsInOneChainAreAllThereAfterReopening) {
  const locks::Version from = floor();
  std::vector<Question> questions;
  for (int i = 0; i < 1000; ++i) {
    questions.push_back(engine::Commit{"lock " + std::to_string(i), creation(from, head(from + 1, true, at(0)))});
  }
  for (const auto& answer : ask_all(std::move(questions))) {
    ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer));
  }
  reopen();
  engine::Scan all;
  all.limit = 2000;
  EXPECT_EQ(scan(all).locks.size(), 1000U);
}

}  // namespace
}  // namespace lockkeeper::contract
