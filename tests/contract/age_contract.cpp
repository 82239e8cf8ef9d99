// How old rows are: for a restart that goes on with what is left of a lease. Never larger than the truth.
#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <utility>

#include "tests/contract/store_contract.h"
#include "tests/support/fake_boot_clock.h"

namespace lockkeeper::contract {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

using Times = std::pair<milliseconds, milliseconds>;  // written and made

// One lock, "leased", and time that the test owns. A store that knows no ages runs all of it too, and gives none.
class Ageing {
 public:
  explicit Ageing(StoreContract& store) : store_(store), clock_(store.place_->boot_clock()), from_(store.floor()) {
    store_.commit("leased", creation(from_, timed_head(from_ + 1), {locks::Row(lease("a"))}));
  }

  static locks::Head timed_head(locks::Version version) {
    locks::Head after = head(version, true, at(0));
    after.timed = 1;
    return after;
  }

  locks::Claim lease(const std::string& name) const {
    locks::Claim claim;
    claim.name = name;
    claim.holder = "ci";
    claim.token = claim.renewed = claim.granted = from_ + 1;
    claim.ttl = seconds(60);
    return claim;
  }

  void next(std::vector<locks::RowOperation> rows) {
    const auto from = store_.read("leased").record->head.version;
    store_.commit("leased", change(from, timed_head(from + 1), std::move(rows)));
  }

  void pass(std::chrono::nanoseconds time) {
    if (clock_) clock_->pass(time);
  }

  std::optional<Times> age(const std::string& claim) {
    for (const auto& each : store_.scan(timed()).locks) {
      for (const auto& age : each.ages) {
        if (each.lock == "leased" && age.row == locks::RowId{locks::RowKind::claim, claim}) {
          return std::pair(age.written, age.made);
        }
      }
    }
    return std::nullopt;
  }

  // Of the claim "a". nullopt: the store must not give any.
  void expect(std::optional<Times> wanted) { EXPECT_EQ(age("a"), clock_ ? wanted : std::nullopt); }

  static engine::Scan timed() {
    engine::Scan question;
    question.timed_only = true;
    return question;
  }

  void boot_again(const std::string& id, std::chrono::nanoseconds now) {
    if (clock_) clock_->boot_again(id, now);
    store_.reopen();
  }

  bool known() const { return clock_ != nullptr; }
  locks::Version from() const { return from_; }

 private:
  StoreContract& store_;
  support::FakeBootClock* const clock_;
  const locks::Version from_;
};

TEST_P(StoreContract, AClaimIsAsOldAsItsCommit) {
  Ageing lock(*this);
  lock.expect(std::pair(seconds(0), seconds(0)));
  lock.pass(milliseconds(12'345));
  lock.expect(std::pair(milliseconds(12'345), milliseconds(12'345)));
}

TEST_P(StoreContract, AnAgeIsNeverRoundedUp) {
  Ageing lock(*this);
  lock.pass(std::chrono::microseconds(900));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(std::chrono::microseconds(200));
  lock.expect(std::pair(milliseconds(0), milliseconds(1)));
}

TEST_P(StoreContract, AClaimThatIsReplacedIsWrittenNowAndWasMadeWhenItWas) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(5));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(1));
  lock.expect(std::pair(seconds(1), seconds(16)));
}

TEST_P(StoreContract, AClaimThatIsPutAfterItWasTakenAwayIsAnotherOne) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  lock.next({locks::RowId{locks::RowKind::claim, "a"}});
  EXPECT_EQ(lock.age("a"), std::nullopt);
  lock.pass(seconds(5));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(1));
  lock.expect(std::pair(seconds(1), seconds(1)));
}

TEST_P(StoreContract, SoItIsWithinOneChange) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  lock.next({locks::RowId{locks::RowKind::claim, "a"}, locks::Row(lock.lease("a"))});
  lock.pass(seconds(1));
  lock.expect(std::pair(seconds(1), seconds(1)));
}

TEST_P(StoreContract, ARowThatAChangeDoesNotNameGrowsOlder) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  lock.next({locks::Row(lock.lease("b"))});
  lock.pass(seconds(1));
  lock.expect(std::pair(seconds(11), seconds(11)));
  EXPECT_EQ(lock.age("b"),
            lock.known() ? std::optional(std::pair(milliseconds(1000), milliseconds(1000))) : std::nullopt);
}

TEST_P(StoreContract, AChangeThatConflictsLeavesTheAgeAlone) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  ask(engine::Commit{"leased",
                     change(lock.from() + 7, lock.timed_head(lock.from() + 8), {locks::Row(lock.lease("a"))})});
  lock.expect(std::pair(seconds(10), seconds(10)));
}

TEST_P(StoreContract, GoesOnWhileTheStoreIsClosed) {
  Ageing lock(*this);
  lock.pass(seconds(10));
  lock.next({locks::Row(lock.lease("a"))});
  store_->close();
  lock.pass(seconds(30));
  store_ = &place_->store();
  store_->open(inbox_);
  lock.expect(std::pair(seconds(30), seconds(40)));
}

TEST_P(StoreContract, OfWhatWasWrittenUnderAnotherBootNothingIsKnown) {
  Ageing lock(*this);
  lock.boot_again("second boot", std::chrono::hours(2));
  lock.expect(std::nullopt);
  // also when the boots after it write, and when the machine is up for longer than ever before
  lock.next({locks::Row(lock.lease("b"))});
  lock.pass(std::chrono::hours(100));
  reopen();
  lock.expect(std::nullopt);
  lock.boot_again("third boot", std::chrono::hours(100));
  lock.expect(std::nullopt);
  EXPECT_EQ(lock.age("b"), std::nullopt);
}

TEST_P(StoreContract, ARowOfAnotherBootThatIsReplacedCountsAsMadeThen) {
  Ageing lock(*this);
  lock.boot_again("second boot", std::chrono::hours(2));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(3));
  lock.expect(std::pair(seconds(3), seconds(3)));
  // and on the same boot it stays so
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(1));
  reopen();
  lock.expect(std::pair(seconds(1), seconds(4)));
}

TEST_P(StoreContract, OfABootThatCannotBeToldNothingIsKnown) {
  Ageing lock(*this);
  lock.boot_again("", std::chrono::hours(2));
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(3));
  reopen();
  lock.expect(std::nullopt);
}

TEST_P(StoreContract, OfARowThatIsAheadOfTheClockNothingIsKnown) {
  Ageing lock(*this);
  lock.pass(-seconds(1));  // a machine that was put back to an earlier state
  reopen();
  lock.expect(std::nullopt);
  // and when it is replaced, it was made then
  lock.next({locks::Row(lock.lease("a"))});
  lock.pass(seconds(2));
  lock.expect(std::pair(seconds(2), seconds(2)));
}

TEST_P(StoreContract, IsToldOfClaimsAloneAndOnlyWhenTimedLocksAreAskedFor) {
  Ageing lock(*this);
  locks::Waiter waiter;
  waiter.name = "w";
  waiter.key = "other";
  waiter.holder = "ci";
  waiter.place = lock.from() + 2;
  lock.next({locks::Row(waiter), locks::Row(locks::ClosedName{"gone", lock.from(), at(0)})});
  const auto watched = scan(lock.timed()).locks.at(0);
  EXPECT_EQ(watched.ages.size(), lock.known() ? 1U : 0U);
  EXPECT_EQ(watched.record, read("leased").record);
  EXPECT_THAT(scan({}).locks.at(0).ages, IsEmpty());
}

}  // namespace
}  // namespace lockkeeper::contract
