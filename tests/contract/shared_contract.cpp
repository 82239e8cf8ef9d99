// Two servers over one store.
#include "tests/contract/shared_contract.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <variant>

namespace lockkeeper::contract {

OtherServer::OtherServer(std::unique_ptr<engine::Store> store) : store_(std::move(store)) {
  store_->open(*this);
}

OtherServer::~OtherServer() {
  store_->close();
}

std::vector<Answer> OtherServer::ask_all(std::vector<Question> questions) {
  std::vector<engine::Operation> operations(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    operations[i].question = std::move(questions[i]);
    operations[i].next = i + 1 < questions.size() ? &operations[i + 1] : nullptr;
  }
  store_->begin(operations.data());
  if (!inbox_.wait_for(operations.size())) {
    ADD_FAILURE() << "the store did not answer " << operations.size() << " operations";
    std::abort();  // they are still its own
  }
  std::vector<Answer> answers;
  answers.reserve(operations.size());
  for (auto& operation : operations) answers.push_back(std::move(operation.answer));
  return answers;
}

Answer OtherServer::ask(Question question) {
  std::vector<Question> questions;
  questions.push_back(std::move(question));
  return std::move(ask_all(std::move(questions)).front());
}

void OtherServer::changed(std::vector<engine::Changed> locks) noexcept {
  const std::lock_guard lock(mutex_);
  changes_.insert(changes_.end(), locks.begin(), locks.end());
  heard_.notify_all();
}

bool OtherServer::hears_of(const std::string& lock, locks::Version version) {
  std::unique_lock guard(mutex_);
  return heard_.wait_for(guard, std::chrono::seconds(30), [&] {
    return std::any_of(changes_.begin(), changes_.end(), [&](const engine::Changed& change) {
      return change.lock == lock && (version == 0 ? change.version == 0 : change.version >= version);
    });
  });
}

void SharedStoreContract::SetUp() {
  StoreContract::SetUp();
  auto store = place_->another();
  ASSERT_TRUE(store != nullptr) << "this place is one server's alone";
  other_ = std::make_unique<OtherServer>(std::move(store));
}

void SharedStoreContract::TearDown() {
  other_.reset();
  StoreContract::TearDown();
}

namespace {

template <class T>
T as(Answer answer) {
  return std::get<T>(std::move(answer));
}

// A lock whose one claim tells the version at which it was written, so that head and rows can be compared.
locks::Change stamped(const std::string& name, locks::Version expected, bool creates) {
  locks::Claim claim;
  claim.name = name;
  claim.holder = "ci";
  claim.token = claim.renewed = claim.granted = expected + 1;
  claim.since = at(0);
  locks::Head next = head(expected + 1, true, at(static_cast<long long>(expected)));
  next.tallies.clear();
  locks::Change made = change(expected, next, {locks::Row(claim)});
  made.creates = creates;
  return made;
}

TEST_P(SharedStoreContract, NobodyTakesTheStoreForItsOwn) {
  EXPECT_FALSE(store_->exclusive());
  EXPECT_TRUE(store_->ready());
  EXPECT_TRUE(other_->store().ready());
}

TEST_P(SharedStoreContract, WhatOneServerCommitsTheOtherReadsAtOnce) {
  locks::Record record = create("prod");
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(as<engine::Found>(other_->ask(engine::Read{"prod"})).record, record);
    record = advance("prod", record, i % 2 == 0);
  }
  const auto scanned = as<engine::Scanned>(other_->ask(engine::Scan{.after = {}, .prefix = {}}));
  ASSERT_EQ(names(scanned), std::vector<std::string>{"prod"});
  EXPECT_EQ(scanned.locks.front().record, record);
  EXPECT_EQ(as<engine::HistoryRead>(other_->ask(engine::ReadHistory{"prod"})).events.size(), 51U);
}

TEST_P(SharedStoreContract, OfTwoServersThatChangeOneVersionOneDoesAndTheOtherIsGivenTheRecord) {
  const locks::Version from = floor();
  commit("prod", stamped("a", from, true));
  for (locks::Version version = from + 1; version < from + 60; ++version) {
    Answer theirs;
    std::thread other([&] { theirs = other_->ask(engine::Commit{"prod", stamped("b", version, false)}); });
    const Answer ours = ask(engine::Commit{"prod", stamped("a", version, false)});
    other.join();
    const bool we = std::holds_alternative<engine::Committed>(ours);
    ASSERT_NE(we, std::holds_alternative<engine::Committed>(theirs)) << "version " << version;
    const auto* conflict = std::get_if<engine::Conflict>(we ? &theirs : &ours);
    ASSERT_TRUE(conflict != nullptr && conflict->record) << "version " << version;
    EXPECT_EQ(conflict->record->head.version, version + 1);
    const locks::Claim* claim = locks::find_claim(*conflict->record, we ? "a" : "b");
    ASSERT_TRUE(claim != nullptr);
    EXPECT_EQ(claim->token, version + 1);
  }
}

TEST_P(SharedStoreContract, OneOfTwoServersCreatesALock) {
  const locks::Version from = floor();
  for (int i = 0; i < 40; ++i) {
    const std::string name = "lock " + std::to_string(i);
    Answer theirs;
    std::thread other([&] { theirs = other_->ask(engine::Commit{name, stamped("b", from, true)}); });
    const Answer ours = ask(engine::Commit{name, stamped("a", from, true)});
    other.join();
    const bool we = std::holds_alternative<engine::Committed>(ours);
    ASSERT_NE(we, std::holds_alternative<engine::Committed>(theirs)) << name;
    const auto record = read(name).record;
    ASSERT_TRUE(record.has_value());
    ASSERT_EQ(record->claims.size(), 1U);
    EXPECT_EQ(record->claims.front().name, we ? "a" : "b");
  }
}

TEST_P(SharedStoreContract, ManyLocksChangedByBothInOppositeOrderAllComeBack) {
  constexpr int kLocks = 64, kRounds = 10;
  const locks::Version from = floor();
  std::vector<Question> made;
  for (int i = 0; i < kLocks; ++i) made.push_back(engine::Commit{std::to_string(i), stamped("a", from, true)});
  ask_all(std::move(made));
  std::atomic<int> committed = 0;
  const auto round = [&](bool ours, int number) {
    std::vector<Question> questions;
    for (int i = 0; i < kLocks; ++i) {
      const std::string name = std::to_string(ours ? i : kLocks - 1 - i);
      const auto version = from + 1 + static_cast<locks::Version>(number);
      questions.push_back(engine::Commit{name, stamped("c", version, false)});
    }
    for (const Answer& answer : ours ? ask_all(std::move(questions)) : other_->ask_all(std::move(questions))) {
      EXPECT_FALSE(std::holds_alternative<engine::Failed>(answer)) << std::get<engine::Failed>(answer).why;
      if (std::holds_alternative<engine::Committed>(answer)) ++committed;
    }
  };
  for (int number = 0; number < kRounds; ++number) {
    std::thread other([&] { round(false, number); });
    round(true, number);
    other.join();
  }
  EXPECT_EQ(committed, kLocks * kRounds);
}

TEST_P(SharedStoreContract, ACommitBegunOnceMoreMeetsItsOwnVersionAndHistoryTellsWhoseItIs) {
  const locks::Record record = create("prod");
  locks::Change mine = stamped("a", record.head.version, false);
  for (locks::Event& event : mine.events) event.change = "mine";
  commit("prod", mine);
  const auto conflict = as<engine::Conflict>(other_->ask(engine::Commit{"prod", mine}));
  ASSERT_TRUE(conflict.record.has_value());
  EXPECT_EQ(conflict.record->head.version, mine.head.version);
  const auto told = as<engine::HistoryRead>(other_->ask(engine::ReadHistory{"prod", mine.expected, 1}));
  ASSERT_EQ(told.events.size(), 1U);
  EXPECT_EQ(told.events.front().version, mine.expected + 1);
  EXPECT_EQ(told.events.front().change, "mine");
}

TEST_P(SharedStoreContract, AFloorThatOneServerRaisedHoldsForTheOther) {
  const locks::Version from = floor();
  locks::Record record = create("old", false);
  for (int i = 0; i < 5; ++i) record = advance("old", record, false);
  ASSERT_TRUE(as<engine::Pruned>(ask(engine::Prune{"old", record.head.version})).done);
  // The other one had read the floor before.
  const Answer late = other_->ask(engine::Commit{"new", stamped("b", from, true)});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(late));
  EXPECT_FALSE(std::get<engine::Conflict>(late).record.has_value());
  EXPECT_EQ(std::get<engine::Conflict>(late).floor, record.head.version);
  const Answer again = other_->ask(engine::Commit{"old", stamped("b", record.head.version, true)});
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(again));
  EXPECT_FALSE(as<engine::Pruned>(ask(engine::Prune{"old", record.head.version})).done);
}

TEST_P(SharedStoreContract, AStoreThatWatchesTellsWhatTheOtherDid) {
  if (!other_->store().watches()) {
    // Then the engine has to look: nothing must be told half of the time.
    create("prod");
    EXPECT_EQ(as<engine::Found>(other_->ask(engine::Read{"prod"})).record->head.version, floor() + 1);
    return;
  }
  locks::Record record = create("prod", false);
  EXPECT_TRUE(other_->hears_of("prod", record.head.version));
  record = advance("prod", record, true);
  record = advance("prod", record, false);
  EXPECT_TRUE(other_->hears_of("prod", record.head.version));
  ASSERT_TRUE(as<engine::Pruned>(ask(engine::Prune{"prod", record.head.version})).done);
  EXPECT_TRUE(other_->hears_of("prod", 0));
}

TEST_P(SharedStoreContract, TenThousandRecordsAreScannedWholeWhileTheyChange) {
  constexpr int kLocks = 10'000, kChain = 500;
  const locks::Version from = floor();
  const auto name = [](int i) {
    std::string number = std::to_string(i);
    return "lock " + std::string(5 - number.size(), '0') + number;
  };
  for (int i = 0; i < kLocks; i += kChain) {
    std::vector<Question> made;
    for (int k = i; k < i + kChain; ++k) made.push_back(engine::Commit{name(k), stamped("a", from, true)});
    for (const Answer& answer : ask_all(std::move(made))) {
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer));
    }
  }
  std::atomic<bool> enough = false;
  std::atomic<int> changes = 0;
  std::thread other([&] {
    std::vector<locks::Version> versions(kLocks, from + 1);
    for (int i = 0; !enough; i = (i + 7) % kLocks) {
      auto& version = versions[static_cast<std::size_t>(i)];
      const Answer answer = other_->ask(engine::Commit{name(i), stamped("a", version, false)});
      if (std::holds_alternative<engine::Committed>(answer)) ++version, ++changes;
    }
  });
  while (changes == 0) std::this_thread::yield();
  int seen = 0;
  std::string after;
  for (bool more = true; more;) {
    const engine::Scanned slice = scan({.after = after, .prefix = "lock ", .limit = 256});
    for (const engine::NamedRecord& each : slice.locks) {
      EXPECT_EQ(each.lock, name(seen++));
      ASSERT_EQ(each.record.claims.size(), 1U) << each.lock;
      EXPECT_EQ(each.record.claims.front().token, each.record.head.version) << each.lock << " is torn";
    }
    more = slice.more;
    if (more) after = engine::next_after(slice);
  }
  enough = true;
  other.join();
  EXPECT_EQ(seen, kLocks);
  EXPECT_GT(changes, 0);
}

INSTANTIATE_TEST_SUITE_P(Shared, SharedStoreContract, testing::Values(Place::Maker(make_shared_place)));

}  // namespace
}  // namespace lockkeeper::contract
