// Queues, leases and offers are rows like others: a hand-over in a long queue is a few of them, and a store finds
// the locks on which something can lapse.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <utility>

#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

locks::Waiter waiter(const std::string& name, locks::Version place) {
  locks::Waiter waiter;
  waiter.name = name;
  waiter.key = "key of " + name;
  waiter.holder = "holder of " + name;
  waiter.place = waiter.renewed = place;
  waiter.since = at(static_cast<long long>(place));
  waiter.request = "request of " + name;
  waiter.grace = seconds(60);
  return waiter;
}

locks::Claim granted(const locks::Waiter& waiter, locks::Version token) {
  locks::Claim claim;
  claim.name = waiter.name;
  claim.holder = waiter.holder;
  claim.token = claim.renewed = claim.granted = token;
  claim.since = at(7);
  claim.request = waiter.request;
  claim.offered = waiter.grace;
  return claim;
}

locks::Head timed_head(locks::Version version, std::uint64_t timed) {
  locks::Head after = head(version, true, at(0));
  after.timed = timed;
  return after;
}

engine::Scan timed(std::string after = {}, std::size_t limit = 256, std::string prefix = {}) {
  engine::Scan question;
  question.after = std::move(after);
  question.prefix = std::move(prefix);
  question.limit = limit;
  question.timed_only = true;
  return question;
}

class Queueing {
 public:
  explicit Queueing(StoreContract& store) : store_(store) {}

  // A lock that "ci" holds, with so many in its queue, in no order of their names.
  locks::Record queue(const std::string& lock, int waiters, std::size_t a_commit = 32) {
    locks::Record record = store_.create(lock);
    std::mt19937 random(4);
    std::vector<int> numbers;
    for (int i = 0; i < waiters; ++i) numbers.push_back(i);
    std::shuffle(numbers.begin(), numbers.end(), random);
    for (std::size_t i = 0; i < numbers.size(); i += a_commit) {
      const auto from = record.head.version;
      std::vector<locks::RowOperation> rows;
      for (std::size_t j = i; j < std::min(i + a_commit, numbers.size()); ++j) {
        rows.emplace_back(locks::Row(waiter("w" + std::to_string(numbers[j]), from + 1 + (j - i))));
      }
      const auto last = from + rows.size();
      const auto timed = record.head.timed + rows.size();
      const auto next = change(from, timed_head(last, timed), std::move(rows));
      store_.commit(lock, next);
      locks::apply(record, next);
    }
    return record;
  }

  // The first 32 of the queue get offers, in one commit.
  locks::Record hand_over(const std::string& lock, locks::Record record) {
    const auto from = record.head.version;
    std::vector<locks::RowOperation> rows;
    for (const auto& claim : record.claims) rows.emplace_back(locks::id(claim));
    for (std::size_t i = 0; i < 32; ++i) {
      rows.emplace_back(locks::id(record.waiters[i]));
      rows.emplace_back(locks::Row(granted(record.waiters[i], from + 1 + i)));
    }
    const auto next = change(from, timed_head(from + 32, record.waiters.size()), std::move(rows));
    store_.commit(lock, next);
    locks::apply(record, next);
    return record;
  }

  std::vector<std::string> timed_in_pages(std::size_t limit, const std::string& prefix = {}) {
    std::vector<std::string> all;
    auto question = timed({}, limit, prefix);
    while (true) {
      const auto page = store_.scan(question);
      EXPECT_LE(page.locks.size(), limit);
      for (const auto& each : page.locks) all.push_back(each.lock);
      if (!page.more) return all;
      question.after = engine::next_after(page);
    }
  }

 private:
  StoreContract& store_;
};

TEST_P(StoreContract, AThousandWaitersKeepTheirOrderThroughHandOvers) {
  Queueing queues(*this);
  auto record = queues.queue("prod", 1000);
  EXPECT_EQ(read("prod").record, record);
  while (record.waiters.size() >= 32) {
    record = queues.hand_over("prod", record);
    ASSERT_EQ(read("prod").record, record);
  }
  reopen();
  EXPECT_EQ(read("prod").record, record);
  EXPECT_EQ(record.waiters.size(), 8U);
  EXPECT_EQ(record.claims.size(), 32U);
}

TEST_P(StoreContract, AHandOverThatConflictsMovesNobody) {
  Queueing queues(*this);
  const auto record = queues.queue("prod", 40);
  const auto next = change(
      record.head.version + 1, timed_head(record.head.version + 2, 40),
      {locks::id(record.waiters.front()), locks::Row(granted(record.waiters.front(), record.head.version + 2))});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(ask(engine::Commit{"prod", next})));
  EXPECT_EQ(read("prod").record, record);
}

TEST_P(StoreContract, APlaceWithoutANameIsKnownByWhereItIs) {
  const auto from = floor();
  auto first = waiter("", from + 1);
  auto second = waiter("", from + 2);
  commit("prod", creation(from, timed_head(from + 2, 2), {locks::Row(first), locks::Row(second)}));
  EXPECT_THAT(read("prod").record->waiters, ElementsAre(first, second));
  second.renewed = from + 3;
  commit("prod", change(from + 2, timed_head(from + 3, 1), {locks::id(first), locks::Row(second)}));
  EXPECT_THAT(read("prod").record->waiters, ElementsAre(second));
}

TEST_P(StoreContract, ATimedScanFindsTheLocksOnWhichSomethingCanLapse) {
  // given locks that are plain, named, queued for, leased, offered and free
  const auto from = floor();
  create("plain");
  create("free", false);
  locks::Claim named = granted(waiter("n", 0), from + 1);
  named.offered.reset();
  commit("named", creation(from, timed_head(from + 1, 0), {locks::Row(named)}));
  commit("queued", creation(from, timed_head(from + 1, 1), {locks::Row(waiter("w", from + 1))}));
  auto leased = named;
  leased.ttl = seconds(1);
  commit("leased", creation(from, timed_head(from + 1, 1), {locks::Row(leased)}));
  commit("offered", creation(from, timed_head(from + 1, 1), {locks::Row(granted(waiter("w", 0), from + 1))}));
  // then it gives exactly those, whole
  for (int opened = 0; opened < 2; ++opened) {
    const auto found = scan(timed());
    EXPECT_THAT(names(found), ElementsAre("leased", "offered", "queued"));
    EXPECT_FALSE(found.more);
    for (const auto& each : found.locks) EXPECT_EQ(each.record, read(each.lock).record) << each.lock;
    reopen();
  }
}

TEST_P(StoreContract, ALockIsTimedForAsLongAsItsHeadSays) {
  const auto from = floor();
  create("other");
  const locks::Row lease(granted(waiter("a", 0), from + 1));
  commit("prod", creation(from, timed_head(from + 1, 1), {lease}));
  EXPECT_THAT(names(scan(timed())), ElementsAre("prod"));
  // when nothing of it can lapse any more, though rows are left
  const locks::Row closed(locks::ClosedName{"a", from + 1, at(0)});
  commit("prod", change(from + 1, timed_head(from + 2, 0), {locks::RowId{locks::RowKind::claim, "a"}, closed}));
  EXPECT_THAT(names(scan(timed())), IsEmpty());
  // and again something
  commit("prod", change(from + 2, timed_head(from + 3, 1), {lease}));
  EXPECT_THAT(names(scan(timed())), ElementsAre("prod"));
  reopen();
  EXPECT_THAT(names(scan(timed())), ElementsAre("prod"));
  // a change that does not touch the lease leaves it so
  commit("prod", change(from + 3, timed_head(from + 4, 1)));
  EXPECT_THAT(names(scan(timed())), ElementsAre("prod"));
  // and when it is free
  auto free = head(from + 5, false, at(0));
  commit("prod", change(from + 4, free, {locks::RowId{locks::RowKind::claim, "a"}}));
  EXPECT_THAT(names(scan(timed())), IsEmpty());
  // or even forgotten, and made anew
  EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{"prod", from + 5})).done);
  create("prod");
  EXPECT_THAT(names(scan(timed())), IsEmpty());
  reopen();
  EXPECT_THAT(names(scan(timed())), IsEmpty());
}

TEST_P(StoreContract, ATimedScanComesInPagesWhileLocksChange) {
  Queueing queues(*this);
  // given a thousand locks of which some are timed
  const auto from = floor();
  std::vector<std::string> wanted;
  std::vector<Question> questions;
  for (int i = 0; i < 1000; ++i) {
    const auto name = (i % 2 ? "a " : "b ") + std::to_string(1000 + i);
    const bool is_timed = i % 7 == 0;
    if (is_timed) wanted.push_back(name);
    questions.push_back(engine::Commit{
        name, is_timed ? creation(from, timed_head(from + 1, 1), {locks::Row(granted(waiter("w", 0), from + 1))})
                       : creation(from, timed_head(from + 1, 0))});
  }
  for (const auto& answer : ask_all(std::move(questions))) {
    ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer));
  }
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(queues.timed_in_pages(10), wanted);
  EXPECT_EQ(queues.timed_in_pages(1000), wanted);
  std::vector<std::string> only_b;
  for (const auto& name : wanted) {
    if (name.starts_with("b ")) only_b.push_back(name);
  }
  EXPECT_EQ(queues.timed_in_pages(9, "b "), only_b);
  // when some of them change, and some cease to be timed
  for (std::size_t i = 0; i < wanted.size(); i += 2) {
    const bool goes = i % 4 == 0;
    commit(wanted[i], change(from + 1, timed_head(from + 2, goes ? 0 : 1),
                             {goes ? locks::RowOperation(locks::RowId{locks::RowKind::claim, "w"})
                                   : locks::RowOperation(locks::Row(waiter("x", from + 2)))}));
  }
  std::vector<std::string> left;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i % 4 != 0) left.push_back(wanted[i]);
  }
  EXPECT_EQ(queues.timed_in_pages(10), left);
  reopen();
  EXPECT_EQ(queues.timed_in_pages(10), left);
}

TEST_P(StoreContract, ATimedScanGivesLongQueuesToo) {
  Queueing queues(*this);
  for (int i = 0; i < 20; ++i) queues.queue("lock " + std::to_string(10 + i), 1000, 64);
  const auto found = queues.timed_in_pages(1000);
  EXPECT_EQ(found.size(), 20U);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), 20U);
}

}  // namespace
}  // namespace lockkeeper::contract
