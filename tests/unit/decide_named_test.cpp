// The rules of named claims: intentions, withdrawals and closed names.
#include "rules_story.h"

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

class NamedClaims : public RulesStory {};

// ---- named claims and intentions

TEST_F(NamedClaims, AskingAgainWithTheSameRequestAddsNothing) {
  const auto first = get<Granted>(named("n", "r", 0));
  const auto again = get<Granted>(named("n", "r", 0));

  EXPECT_TRUE(again.again);
  EXPECT_FALSE(changed);
  EXPECT_EQ(again.token, first.token);
  EXPECT_EQ(count(record), 1U);
}

TEST_F(NamedClaims, ANewerRequestTakesTheClaimOverWithANewToken) {
  const auto first = get<Granted>(named("n", "r1", 0));
  now += 1min;
  const auto taken = get<Granted>(named("n", "r2", 1, "someone else"));

  EXPECT_TRUE(taken.took_over);
  EXPECT_GT(taken.token, first.token);
  EXPECT_EQ(taken.since, first.since) << "it is still the same purpose that holds";
  EXPECT_EQ(count(record), 1U);
  EXPECT_EQ(holds(record).front().holder, "someone else");
  EXPECT_EQ(get<Gone>(named("n", "r1", 0)).why, Gone::Why::superseded);
}

TEST_F(NamedClaims, AnOlderRequestNeverTakesOver) {
  get<Granted>(by("h"));
  get<Granted>(named("n", "r2", 1));
  EXPECT_EQ(get<Gone>(named("n", "r1", 0)).why, Gone::Why::superseded);
  EXPECT_EQ(get<Gone>(named("n", "r1", 1)).why, Gone::Why::superseded);
}

TEST_F(NamedClaims, ATakeOverNeedsTheLocksKey) {
  get<Granted>(named("n", "r1", 0, "h", "k1"));
  get<Refused>(named("n", "r2", 1, "h", "k2"));
}

TEST_F(NamedClaims, AVersionThatNeverWasIsReadAsThePresent) {
  get<Granted>(named("n", "r", 1'000'000));
  EXPECT_EQ(record.claims.front().begun, 0U);
}

TEST_F(NamedClaims, WhatBeganBeforeTheReleaseNeverHoldsAgain) {
  get<Granted>(named("n", "r", 0));
  get<Released>(by_name("n"));
  EXPECT_EQ(get<Gone>(named("n", "r", 0)).why, Gone::Why::closed);
  EXPECT_EQ(get<Gone>(named("n", "other", 1)).why, Gone::Why::closed);
  EXPECT_FALSE(get<Granted>(named("n", "later", 2)).again);
}

TEST_F(NamedClaims, AGrantTellsOfTheHoldersOtherClaims) {
  get<Granted>(named("build 1", "r", 0));
  now += 1min;
  const auto granted = get<Granted>(named("build 2", "s"));
  ASSERT_EQ(granted.others.size(), 1U);
  EXPECT_EQ(granted.others.front().since, now - 1min);
  EXPECT_EQ(granted.count, 2U);
}

// ---- withdrawal

TEST_F(NamedClaims, AWithdrawalGivesBackItsOwnClaim) {
  get<Granted>(named("n", "r", 0));
  const auto released = get<Released>(withdrawal("n", "r", 0));

  EXPECT_EQ(released.released, 1U);
  EXPECT_FALSE(released.withdrawn);
  EXPECT_TRUE(is_free());
  EXPECT_EQ(history.back().what, What::withdrawn);
  EXPECT_EQ(get<Gone>(named("n", "r", 0)).why, Gone::Why::closed);
}

TEST_F(NamedClaims, AWithdrawalThatOvertookItsRequestClosesTheName) {
  EXPECT_TRUE(get<Released>(withdrawal("n", "r", 0)).withdrawn);
  EXPECT_EQ(get<Gone>(named("n", "r", 0)).why, Gone::Why::closed);
  get<Granted>(named("n", "later", 1));
}

TEST_F(NamedClaims, ALateWithdrawalLeavesALaterAttemptsClaimAlone) {
  get<Granted>(named("n", "r1", 0));
  get<Granted>(named("n", "r2", 1));
  const auto released = get<Released>(withdrawal("n", "r1", 0));

  EXPECT_EQ(released.released, 0U);
  EXPECT_EQ(record.claims.front().request, "r2");
  EXPECT_TRUE(get<Granted>(named("n", "r2", 1)).again);
}

TEST_F(NamedClaims, AWithdrawnRequestNeverTakesOver) {
  get<Granted>(named("n", "r1", 0));
  EXPECT_TRUE(get<Released>(withdrawal("n", "r2", 1)).withdrawn);
  EXPECT_EQ(get<Gone>(named("n", "r2", 1)).why, Gone::Why::closed);
  EXPECT_EQ(record.claims.front().request, "r1");
}

TEST_F(NamedClaims, AWithdrawalSaidTwiceChangesNothingTheSecondTime) {
  get<Released>(withdrawal("n", "r", 0));
  EXPECT_TRUE(get<Released>(withdrawal("n", "r", 0)).withdrawn);
  EXPECT_FALSE(changed);
}

TEST_F(NamedClaims, AWithdrawalWithAnotherKeyEndsNoClaim) {
  get<Granted>(named("n", "r", 0, "h", "k1"));
  get<NotYours>(withdrawal("n", "r", 0, "k2"));
}

TEST_F(NamedClaims, HistoryTellsWhoseClaimAWithdrawalEnded) {
  get<Granted>(named("n", "r", 0, "the holder"));
  get<Released>(withdrawal("n", "r", 0));  // said as "h"
  EXPECT_EQ(history.back().holder, "the holder");
}

// ---- closed names

TEST_F(NamedClaims, ClosedNamesAreForgottenAfterAnHourAndOldIntentionsRefused) {
  get<Released>(by_name("n"));
  get<Granted>(by("h"));
  now += limits.closed_for + 1ms;
  get<Released>(from("h"));

  EXPECT_TRUE(record.closed.empty());
  EXPECT_EQ(get<Gone>(named("n", "r", 0)).why, Gone::Why::forgotten);
  get<Granted>(named("n", "r", version()));
}

TEST_F(NamedClaims, TheOldestOfTooManyClosedNamesIsForgottenFirst) {
  limits.closed_names = 2;
  get<Released>(by_name("a"));
  get<Released>(by_name("b"));
  get<Released>(by_name("c"));

  ASSERT_EQ(record.closed.size(), 2U);
  EXPECT_EQ(record.closed.front().name, "b");
  EXPECT_EQ(record.head.forgotten, 1U);
  EXPECT_EQ(get<Gone>(named("a", "r", 0)).why, Gone::Why::forgotten);
  EXPECT_EQ(get<Gone>(named("b", "r", 1)).why, Gone::Why::closed);
}

TEST_F(NamedClaims, AnOldIntentionsCloseIsForgottenBeforeANewerOne) {
  limits.closed_names = 1;
  get<Released>(by_name("a"));
  get<Released>(by_name("b"));
  get<Released>(withdrawal("c", "r", 0));

  ASSERT_EQ(record.closed.size(), 1U);
  EXPECT_EQ(record.closed.front().name, "b");
  EXPECT_EQ(get<Gone>(named("c", "r", 0)).why, Gone::Why::forgotten);
}

}  // namespace
}  // namespace lockkeeper::locks
