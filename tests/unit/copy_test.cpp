// `lockkeeper copy` between two stores: what is brought along, and that half of a copy is never taken for one.
#include "server/commands/copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "locks/gate.h"
#include "server/commands/asker.h"
#include "server/commands/pieces.h"
#include "server/commands/walk.h"
#include "stores/memory/memory_store.h"

namespace lockkeeper::server {
namespace {

using testing::HasSubstr;

// A store whose answers get lost: what was carried out comes back as unknown, so many times.
class LossyStore final : public engine::Store, private engine::Completions {
 public:
  void open(engine::Completions& completions) override {
    completions_ = &completions;
    memory.open(*this);
  }
  void begin(engine::Operation* chain) override { memory.begin(chain); }
  void close() override { memory.close(); }
  bool exclusive() const override { return false; }
  bool ready() const override { return true; }

  stores::MemoryStore memory;
  int lost_commits = 0;

 private:
  void completed(engine::Operation* chain) noexcept override {
    for (auto* one = chain; one != nullptr; one = one->next) {
      if (!std::holds_alternative<engine::Committed>(one->answer) || lost_commits == 0) continue;
      --lost_commits;
      one->answer = engine::Failed{engine::Failed::Kind::unknown, "no answer"};
    }
    completions_->completed(chain);
  }

  engine::Completions* completions_ = nullptr;
};

locks::WallTime at(long long seconds) {
  return locks::WallTime(std::chrono::seconds(1'790'000'000 + seconds));
}

locks::Event event(locks::Version version) {
  locks::Event one;
  one.version = version;
  one.at = at(static_cast<long long>(version));
  one.change = "change-" + std::to_string(version);
  one.holder = "ci";
  return one;
}

// A lock with so many named claims, one event each.
engine::NamedRecord busy(const std::string& name, std::size_t claims) {
  engine::NamedRecord lock{name, {}, {}};
  lock.record.head.version = claims;
  lock.record.head.key = "k";
  lock.record.head.changed = at(0);
  for (std::size_t i = 1; i <= claims; ++i) {
    locks::Claim claim;
    claim.name = "claim " + std::to_string(i);
    claim.holder = "ci";
    claim.token = claim.renewed = claim.granted = i;
    lock.record.claims.push_back(claim);
  }
  return lock;
}

std::vector<locks::Event> events(locks::Version from, locks::Version to) {
  std::vector<locks::Event> all;
  for (locks::Version version = from; version <= to; ++version) all.push_back(event(version));
  return all;
}

class CopyTest : public testing::Test {
 protected:
  void fill(Asker& store, const engine::NamedRecord& lock, std::vector<locks::Event> history) {
    for (auto& piece : pieces(lock, std::move(history))) {
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(store.ask_one(std::move(piece))));
    }
  }

  void raise_floor(Asker& store, locks::Version floor) {
    engine::NamedRecord lock{"forgotten", {}, {}};
    lock.record.head.version = floor;
    fill(store, lock, {});
    ASSERT_TRUE(store.ask<engine::Pruned>(engine::Prune{"forgotten", floor}).done);
  }

  static std::map<std::string, locks::Record> records(Asker& store) {
    std::map<std::string, locks::Record> all;
    Walk walk(store);
    while (auto one = walk.next()) all[one->lock] = one->record;
    return all;
  }

  static std::vector<locks::Event> history(Asker& store, const std::string& lock) {
    return store.ask<engine::HistoryRead>(engine::ReadHistory{lock, 0, 100'000}).events;
  }

  static std::string fault(Asker& from, Asker& to) {
    try {
      copy(from, to, [](const Copied&) {});
    } catch (const UnfinishedCopy& error) {
      return std::string("unfinished: ") + error.what();
    } catch (const engine::StoreError& error) {
      return error.what();
    }
    return "";
  }

  LossyStore from_store_, to_store_;
  Asker from_{from_store_, "FROM"};
  Asker to_{to_store_, "TO"};
};

TEST(PiecesTest, NoneIsLargerThanAStoreTakesAndEachExpectsTheOneBefore) {
  for (const std::size_t rows : {0, 1, 64, 65, 200}) {
    for (const locks::Version oldest : {1, 100, 230}) {
      engine::NamedRecord lock = busy("lock", rows);
      lock.record.head.version = 229;
      const auto all = pieces(lock, events(oldest, 229));
      locks::Record made;
      std::vector<locks::Event> history;
      for (const engine::Commit& one : all) {
        const locks::Change& change = one.change;
        EXPECT_EQ(change.creates, &one == &all.front());
        EXPECT_EQ(change.expected, made.head.version);
        EXPECT_GT(change.head.version, change.expected);
        EXPECT_LE(change.rows.size(), 64U);
        EXPECT_LE(change.events.size(), 63U);
        EXPECT_LE(change.events.empty() ? 0 : change.events.back().version, change.head.version);
        locks::apply(made, change);
        history.insert(history.end(), change.events.begin(), change.events.end());
      }
      std::sort(made.claims.begin(), made.claims.end(),
                [](const auto& one, const auto& other) { return one.token < other.token; });
      EXPECT_EQ(made, lock.record);
      EXPECT_EQ(history, events(oldest, 229));
    }
  }
}

TEST_F(CopyTest, RecordsHistoriesAndWhereVersionsStartAreTheSame) {
  fill(from_, busy("large", 1200), events(1, 1200));
  fill(from_, busy("old", 70), {});  // its history has been trimmed
  for (int i = 0; i < 150; ++i) fill(from_, busy("lock " + std::to_string(i), 1), events(1, 1));
  engine::NamedRecord gate{locks::gate_name("id"), {}, {}};
  gate.record.head.version = 1;
  gate.record.gate = locks::Gate{};
  fill(from_, gate, events(1, 1));
  raise_floor(from_, 5000);

  const Copied copied = copy(from_, to_, [](const Copied&) {});

  EXPECT_EQ(records(to_), records(from_));
  EXPECT_EQ(records(to_).size(), 153U);
  EXPECT_EQ(history(to_, "large"), events(1, 1200));
  EXPECT_EQ(history(to_, "old"), events(1, 0));
  EXPECT_EQ(to_.ask<engine::Found>(engine::Read{"new"}).floor, 5000U);
  EXPECT_EQ(copied.locks, 152U);
  EXPECT_EQ(copied.gates, 1U);
  EXPECT_EQ(copied.events, 1200U + 150U + 1U);
  EXPECT_EQ(copied.floor, 5000U);
}

TEST_F(CopyTest, AStoreThatIsNotEmptyIsLeftAsItIs) {
  fill(from_, busy("lock", 1), events(1, 1));
  fill(to_, busy("mine", 2), events(1, 2));
  const auto before = records(to_);
  EXPECT_THAT(fault(from_, to_), HasSubstr("TO is not empty"));
  EXPECT_EQ(records(to_), before);
}

TEST_F(CopyTest, AStoreThatHadLocksOnceIsNotEmpty) {
  fill(from_, busy("lock", 1), events(1, 1));
  raise_floor(to_, 7);
  EXPECT_THAT(fault(from_, to_), HasSubstr("TO is not empty"));
}

TEST_F(CopyTest, AnEmptyStoreIsAMistake) {
  EXPECT_THAT(fault(from_, to_), HasSubstr("FROM has no locks"));
  EXPECT_TRUE(records(to_).empty());
}

TEST_F(CopyTest, WhatChangesMeanwhileMakesItFailAndHalfACopyIsKnownAsOne) {
  fill(from_, busy("a", 1), events(1, 1));
  fill(from_, busy("b", 1), events(1, 1));
  bool changed = false;
  try {
    copy(from_, to_, [&](const Copied&) {
      if (std::exchange(changed, true)) return;
      engine::Commit release{"a", {}};
      release.change.expected = 1;
      release.change.head.version = 2;
      release.change.rows = {locks::RowId{locks::RowKind::claim, "claim 1"}};
      release.change.events = events(2, 2);
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(from_.ask_one(std::move(release))));
    });
    FAIL() << "it was not noticed";
  } catch (const UnfinishedCopy& error) {
    EXPECT_THAT(error.what(), HasSubstr("the lock \"a\" has changed"));
  }
  // Neither is copied to again, nor taken for the whole.
  EXPECT_THAT(fault(from_, to_), HasSubstr("TO has what is left of a copy"));
  LossyStore third_store;
  Asker third(third_store, "THIRD");
  EXPECT_THAT(fault(to_, third), HasSubstr("FROM is itself a copy that did not come to its end"));
}

TEST_F(CopyTest, ALockThatComesMeanwhileMakesItFail) {
  fill(from_, busy("a", 1), events(1, 1));
  const auto come = [&](const Copied&) { fill(from_, busy("b", 1), events(1, 1)); };
  EXPECT_THROW(copy(from_, to_, come), UnfinishedCopy);
}

TEST_F(CopyTest, ALockThatIsForgottenMeanwhileMakesItFail) {
  fill(from_, busy("a", 1), events(1, 1));
  const auto forget = [&](const Copied&) { raise_floor(from_, 10); };
  EXPECT_THROW(copy(from_, to_, forget), UnfinishedCopy);
}

TEST_F(CopyTest, LostAnswersDoNoHarm) {
  fill(from_, busy("large", 200), events(1, 200));
  to_store_.lost_commits = 2;
  copy(from_, to_, [](const Copied&) {});
  EXPECT_EQ(to_store_.lost_commits, 0);
  EXPECT_EQ(records(to_), records(from_));
  EXPECT_EQ(history(to_, "large"), events(1, 200));
}

TEST(AskerTest, AStoreThatStaysAwayIsGivenUp) {
  LossyStore store;
  store.memory.fault = [](const engine::Operation&) {
    return std::optional(engine::Failed{engine::Failed::Kind::unavailable, "it is away"});
  };
  Asker asker(store, "TO", std::chrono::milliseconds(1));
  try {
    asker.ask_one(engine::Read{"lock"});
    FAIL() << "it has answered";
  } catch (const engine::StoreError& error) {
    EXPECT_STREQ(error.what(), "TO: it is away");
  }
}

}  // namespace
}  // namespace lockkeeper::server
