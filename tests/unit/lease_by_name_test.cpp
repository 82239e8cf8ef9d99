// A lease is renewed by who knows its claim's name, but not the lock.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/engine_sharing.h"

namespace lockkeeper {
namespace {

using engine::RenewLease;
using locks::Gone;
using locks::Renewed;
using locks::Unavailable;
using std::chrono::milliseconds;
using test::Asked;
using namespace std::chrono_literals;

class LeaseByName : public test::WaitingEngine {
 protected:
  static locks::Command lease(const std::string& lock, const std::string& claim, milliseconds ttl = 30s) {
    return {lock,
            {"", "test"},
            locks::Acquire{.key = "key of " + claim, .holder = "h", .claim = claim, .request = "r", .ttl = ttl}};
  }
  static RenewLease renewal(const std::string& claim) {
    return {{"", "shared-lock"}, locks::Renew{.key = "key of " + claim, .claim = claim}};
  }
  static locks::Command release_of(const std::string& lock, const std::string& claim) {
    return {lock, {"", "test"}, locks::Release{.key = "key of " + claim, .holder = "h", .claim = claim}};
  }
};

TEST_F(LeaseByName, RenewingFindsItsLock) {
  ask(lease("one", "a"));
  ask(lease("two", "b"));
  for (int i = 0; i < 3; ++i) {
    pass(29s);
    ASSERT_NE(ask(renewal("b")).get<Renewed>(), nullptr);
  }
  EXPECT_NE(ask(renewal("a")).get<Gone>(), nullptr) << "that one was not renewed";
}

TEST_F(LeaseByName, AnUnknownNameIsGone) {
  ask(lease("one", "a"));
  const auto* gone = ask(renewal("x")).get<Gone>();
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->why, Gone::Why::ended);
}

TEST_F(LeaseByName, ANameWhoseClaimHasEndedIsGone) {
  ask(lease("released", "a"));
  ask(release_of("released", "a"));
  EXPECT_NE(ask(renewal("a")).get<Gone>(), nullptr);

  ask(lease("lapsed", "b", 1s));
  pass(1s);
  EXPECT_NE(ask(renewal("b")).get<Gone>(), nullptr);

  ask(lease("forced", "c"));
  ask(locks::Command{"forced", {}, locks::ForceRelease{}});
  EXPECT_NE(ask(renewal("c")).get<Gone>(), nullptr);
}

TEST_F(LeaseByName, AClaimWithoutATimeIsNotFoundByItsNameAlone) {
  ask(test::acquire_named("one", "key of a", "a", "r"));
  EXPECT_NE(ask(renewal("a")).get<Gone>(), nullptr) << "such names are the business of who knows the lock";
}

TEST_F(LeaseByName, ANameThatStandsOnTwoLocksIsRenewedWhereItCameFirst) {
  ask(lease("first", "a"));
  ask(lease("second", "a"));
  pass(29s);
  ASSERT_NE(ask(renewal("a")).get<Renewed>(), nullptr);
  pass(2s);
  const auto record_of = [&](const std::string& lock) {
    return *std::get<engine::Found>(store_.elsewhere(engine::Read{lock}).answer).record;
  };
  EXPECT_TRUE(locks::held(record_of("first")));
  EXPECT_FALSE(locks::held(record_of("second")));
  EXPECT_NE(ask(renewal("a")).get<Renewed>(), nullptr) << "the end of the second did not take the name away";
}

TEST_F(LeaseByName, AfterTheFirstHasEndedItIsRenewedWhereItStillStands) {
  ask(lease("first", "a"));
  ask(lease("second", "a"));
  ask(release_of("first", "a"));
  EXPECT_NE(ask(renewal("a")).get<Renewed>(), nullptr);
}

TEST_F(LeaseByName, ARestartedServerFindsItAgain) {
  ask(lease("one", "a"));
  restart();
  EXPECT_NE(ask(renewal("a")).get<Renewed>(), nullptr);
  EXPECT_NE(ask(renewal("x")).get<Gone>(), nullptr);
}

// Gone would tell a holder that it has lost what it still has.
TEST_F(LeaseByName, NoNameIsGoneBeforeAllThatAnEarlierRunLeftWasRead) {
  ask(lease("one", "a"));
  ask(lease("two", "b"));
  engine_.reset();
  start();
  store_.memory.hold(true);

  EXPECT_NE(ask(renewal("a")).get<Unavailable>(), nullptr) << "before the look around";
  bool found = false;
  while (store_.memory.held() > 0) {  // every state on the way
    store_.memory.release_held(1);
    const Asked& renewed = ask(renewal("b"));
    ASSERT_EQ(renewed.get<Gone>(), nullptr);
    // The renewal is a commit, which is held too: by then it is known.
    found = !renewed.answered;
    if (found) break;
    ASSERT_NE(renewed.get<Unavailable>(), nullptr);
  }
  EXPECT_TRUE(found);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_NE(ask(renewal("a")).get<Renewed>(), nullptr);
  EXPECT_NE(ask(renewal("x")).get<Gone>(), nullptr);
}

// ---- over a store that other servers change too: what is not known is looked for

class SharedLeaseByName : public test::SharingEngine {
 protected:
  static RenewLease renewal(const std::string& claim) {
    return {{"", "shared-lock"}, locks::Renew{.key = "key of " + claim, .claim = claim}};
  }
};

TEST_F(SharedLeaseByName, WhatAnotherServerGrantedIsFound) {
  settle();
  elsewhere(lease("one", "a"));
  EXPECT_NE(ask(renewal("a")).get<Renewed>(), nullptr);
}

TEST_F(SharedLeaseByName, AnUnknownNameIsGoneWhenAllWereSeen) {
  start();
  elsewhere(lease("one", "a"));
  settle();
  const auto before = scans();
  EXPECT_NE(ask(renewal("x")).get<Gone>(), nullptr);
  EXPECT_EQ(scans(), before + 1);
}

TEST_F(SharedLeaseByName, ManyLookTogether) {
  settle();
  const auto before = scans();
  std::vector<Asked*> all;
  for (int i = 0; i < 100; ++i) all.push_back(&submit(renewal("x" + std::to_string(i))));
  settle();
  for (const Asked* one : all) EXPECT_NE(one->get<Gone>(), nullptr);
  EXPECT_LE(scans(), before + 2);
}

TEST_F(SharedLeaseByName, AnUnfinishedLookAroundSaysNothingOfWhatCameBehindIt) {
  // given that a look around has the first of two slices behind it
  start();
  for (int i = 0; i < 300; ++i) elsewhere(lease("lock " + std::to_string(1000 + i), "c" + std::to_string(i)));
  store_.memory.hold(true);
  settle();
  store_.memory.release_held(1);
  settle();
  // when another server grants a lease in there, and its client asks here
  store_.memory.hold(false);
  elsewhere(lease("a lock before them", "a"));
  store_.memory.hold(true);
  Asked& renewed = ask(renewal("a"));
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  EXPECT_NE(renewed.get<Renewed>(), nullptr);
}

TEST_F(SharedLeaseByName, NobodyWaitsForAStoreThatIsAway) {
  settle();
  store_.memory.fault = [](const engine::Operation&) {
    return engine::Failed{engine::Failed::Kind::unavailable, "away"};
  };
  EXPECT_NE(ask(renewal("a")).get<Unavailable>(), nullptr);
}

TEST_F(SharedLeaseByName, NobodyLooksForItInAStoreThatIsKnownToBeAway) {
  settle();
  const auto before = scans();
  store_.there = false;
  EXPECT_NE(ask(renewal("a")).get<Unavailable>(), nullptr);
  EXPECT_EQ(scans(), before);
}

TEST_F(SharedLeaseByName, NobodyWaitsForAServerThatStopsOrAStoreThatIsStuck) {
  settle();
  store_.memory.hold(true);
  Asked& stuck = ask(renewal("a"));
  EXPECT_FALSE(stuck.answered);
  pass(3s);
  EXPECT_NE(stuck.get<Unavailable>(), nullptr);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  store_.memory.hold(true);
  Asked& stops = ask(renewal("a"));
  EXPECT_FALSE(stops.answered);
  engine_->stop();
  settle();
  EXPECT_NE(stops.get<Unavailable>(), nullptr);
}

}  // namespace
}  // namespace lockkeeper
