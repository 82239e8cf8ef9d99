// How many locks are held: counted once in slices while commits go on, and kept by what each commit says.
#include "engine/census.h"

#include <gmock/gmock.h>

#include <optional>
#include <random>
#include <set>
#include <utility>

#include "locks/gate.h"
#include "tests/support/stepped_engine.h"

namespace lockkeeper {
namespace {

using engine::Failed;
using engine::Scan;
using test::acquire;
using test::release;
using namespace std::chrono_literals;

// Locks by their names' order, and a store that gives them in small slices.
class Counting : public testing::Test {
 protected:
  static std::string name(int i) { return "lock " + std::to_string(1000 + i); }
  void take(int i) { change(i, true); }
  void free(int i) { change(i, false); }

  // A slice as it is now.
  engine::Scanned slice() const {
    const Scan scan = census_.next_slice();
    EXPECT_TRUE(scan.held_only);
    engine::Scanned scanned;
    for (auto each = there_.upper_bound(scan.after); each != there_.end(); ++each) {
      if (scanned.locks.size() == 3) {
        scanned.more = true;
        break;
      }
      scanned.locks.push_back({*each, {}, {}});
    }
    return scanned;
  }
  void count_on() {
    const auto next = slice();
    census_.counted(&next);
  }
  void count_all() {
    for (bool more = true; more;) {
      const auto next = slice();
      more = census_.counted(&next);
    }
  }

  std::set<std::string> there_;
  engine::Census census_{true};

 private:
  void change(int i, bool held) {
    const bool was = there_.contains(name(i));
    if (held) {
      there_.insert(name(i));
    } else {
      there_.erase(name(i));
    }
    census_.committed(name(i), was, held);
  }
};

TEST_F(Counting, SaysNothingBeforeAllWereCounted) {
  for (int i = 0; i < 10; ++i) there_.insert(name(i));
  EXPECT_EQ(census_.held(), std::nullopt);
  count_on();
  EXPECT_EQ(census_.held(), std::nullopt);
  count_all();
  EXPECT_EQ(census_.held(), 10U);
}

TEST_F(Counting, AnEmptyStoreHasNone) {
  count_all();
  EXPECT_EQ(census_.held(), 0U);
}

TEST_F(Counting, GoesOnFromWhatCommitsSay) {
  count_all();
  take(1);
  take(1);
  take(2);
  free(1);
  free(1);
  EXPECT_EQ(census_.held(), 1U);
}

TEST_F(Counting, GoesOnAfterASliceOfFreeLocksOnly) {
  for (int i = 0; i < 4; ++i) take(i);
  // A store that passed over many free ones ends a slice with none in it, and says how far it came.
  engine::Scanned none;
  none.more = true;
  none.up_to = name(1);
  EXPECT_TRUE(census_.counted(&none));
  EXPECT_EQ(census_.next_slice().after, name(1));
  take(9);
  free(3);
  count_all();
  EXPECT_EQ(census_.held(), 4U);  // two of them behind it, known by their commits
}

TEST_F(Counting, LeavesGatesOut) {
  count_all();
  census_.committed(locks::gate_name("x"), false, true);
  EXPECT_EQ(census_.held(), 0U);
  EXPECT_EQ(engine::Census(true).next_slice().after, locks::gates_end);
}

TEST_F(Counting, ASliceThatFailedIsAskedForAgain) {
  for (int i = 0; i < 5; ++i) take(i);
  count_on();
  const std::string after = census_.next_slice().after;
  EXPECT_FALSE(census_.counted(nullptr));
  EXPECT_EQ(census_.next_slice().after, after);
  count_all();
  EXPECT_EQ(census_.held(), 5U);
}

// What was committed while a slice was on its way is in it or not: both must come out the same.
TEST_F(Counting, IsRightWhateverIsCommittedWhileASliceIsOnItsWay) {
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    std::mt19937 random(seed);
    const auto some = [&] {
      for (unsigned i = random() % 6; i > 0; --i) {
        const int lock = static_cast<int>(random() % 40);
        if (random() % 2 == 0) {
          take(lock);
        } else {
          free(lock);
        }
      }
    };
    there_.clear();
    census_ = engine::Census(true);
    for (int i = 0; i < 40; i += 2) there_.insert(name(i));
    for (bool more = true; more;) {
      some();  // before the store reads
      const auto read = slice();
      some();  // after it read, and back before the slice
      more = census_.counted(&read);
    }
    EXPECT_EQ(census_.held(), there_.size()) << "seed " << seed;
    some();
    EXPECT_EQ(census_.held(), there_.size()) << "seed " << seed;
  }
}

TEST_F(Counting, OverASharedStoreIsDoneAgainAndAgain) {
  census_ = engine::Census(false);
  there_ = {name(1), name(2), name(3), name(4)};
  count_all();
  EXPECT_EQ(census_.held(), 4U);
  census_.committed(name(1), true, false);
  EXPECT_EQ(census_.held(), 4U) << "others change it too: what one server did says little";
  there_ = {name(9)};
  count_all();
  EXPECT_EQ(census_.held(), 1U);
}

// ---- at an engine

class HeldLocks : public test::SteppedEngine {
 protected:
  bool lost_ = false;
  static std::string name(int i) { return "lock " + std::to_string(10'000 + i); }
  std::optional<std::uint64_t> held() const { return engine_->counters().held; }
  void let_all_back() {
    store_.memory.hold(false);
    store_.memory.release_held();
    settle();
  }
  // It happens, and the store can't say so.
  void lose_the_next_commit() {
    lost_ = false;
    store_.memory.fault = [this](const engine::Operation& operation) -> std::optional<Failed> {
      const auto* commit = std::get_if<engine::Commit>(&operation.question);
      if (commit == nullptr || std::exchange(lost_, true)) return std::nullopt;
      const bool holding = store_.memory.held() > 0;
      store_.memory.hold(false);
      EXPECT_TRUE(std::holds_alternative<engine::Committed>(store_.elsewhere(*commit).answer));
      store_.memory.hold(holding);
      return Failed{Failed::Kind::unknown, "cut"};
    };
  }
  void counted_through() {
    for (int i = 0; i < 100 && !held(); ++i) {
      clock_.advance(1s);
      settle();
    }
  }
};

TEST_F(HeldLocks, AreKnownAtAFreshServerAndFollowEachCommit) {
  settle();
  EXPECT_EQ(held(), 0U);
  ask(acquire("a", "k"));
  ask(acquire("a", "k"));
  ask(acquire("b", "k"));
  settle();
  EXPECT_EQ(held(), 2U);
  ask(release("a", "k"));
  EXPECT_EQ(held(), 2U);
  ask(release("a", "k"));
  settle();
  EXPECT_EQ(held(), 1U);
}

TEST_F(HeldLocks, OfAnEarlierRunAreCountedWhileCommitsGoOn) {
  for (int i = 0; i < 1000; ++i) ask(acquire(name(i), "k"));
  for (int i = 0; i < 1000; i += 10) ask(release(name(i), "k"));
  engine_.reset();
  start();
  store_.memory.hold(true);
  settle();
  EXPECT_EQ(held(), std::nullopt);
  // when locks come and go before and behind the slices
  for (int round = 0; round < 20 && store_.memory.held() > 0; ++round) {
    submit(acquire(name(round * 50), "k"));      // was free
    submit(release(name(round * 50 + 1), "k"));  // was held
    submit(acquire(name(2000 + round), "k"));    // was not there
    settle();
    store_.memory.release_held(3);
    clock_.advance(10ms);
    settle();
  }
  let_all_back();
  counted_through();
  const auto all = std::get<engine::Scanned>(store_.elsewhere(Scan{.limit = 10'000, .held_only = true}).answer);
  EXPECT_EQ(held(), all.locks.size());
}

TEST_F(HeldLocks, AreCountedAnewWhenACommitMayHaveHappened) {
  ask(acquire("a", "k"));
  settle();
  lose_the_next_commit();
  const test::Asked& asked = ask(acquire("b", "k"));
  ASSERT_FALSE(asked.answered);
  clock_.advance(20ms);
  settle();
  ASSERT_NE(asked.get<locks::Granted>(), nullptr);
  EXPECT_EQ(held(), 2U);
}

TEST_F(HeldLocks, AreCountedAnewAlsoWhenThatHappensWhileTheyAreCounted) {
  for (int i = 0; i < 600; ++i) ask(acquire(name(i), "k"));
  engine_.reset();
  start();
  store_.memory.hold(true);
  // given that the first slice has counted a lock that is being released, and the second is on its way
  test::Asked& releasing = submit(release(name(0), "k"));
  settle();
  while (store_.all_begun<Scan>().back().after != name(255)) {
    ASSERT_FALSE(releasing.answered);
    store_.memory.release_held(1);
    settle();
  }
  // when the release comes back, and nobody knows whether it happened
  lose_the_next_commit();
  store_.memory.release_held(1);
  settle();
  ASSERT_FALSE(releasing.answered);
  let_all_back();
  clock_.advance(20ms);
  settle();
  ASSERT_NE(releasing.get<locks::Released>(), nullptr);
  counted_through();
  EXPECT_EQ(held(), 599U);
}

}  // namespace
}  // namespace lockkeeper
