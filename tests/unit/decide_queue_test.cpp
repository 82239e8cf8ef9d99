// The rules of the queue: whose turn it is, who need not wait, and how a place is kept, taken over and left.
#include "rules_story.h"

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

using Told = std::vector<What>;

class Queue : public RulesStory {
 protected:
  // "held" is held with key k; a, b, ... wait, each with a key of its own.
  void stand_in_line(const std::vector<std::string>& names) {
    get<Granted>(named("held", "r"));
    for (const std::string& name : names) get<Queued>(waiting(name, "holder of " + name, "key of " + name));
  }

  // Holders of key k, behind a waiter with another key.
  void sharers_in_line(std::size_t number) {
    for (std::size_t i = 0; i < number; ++i) {
      const std::string name = "s" + std::to_string(i);
      get<Queued>(waiting(name, "holder of " + name, "shared"));
    }
  }
};

// ---- first in, first out

TEST_F(Queue, WhoHasToWaitIsToldItsPlaceAndWhoIsAhead) {
  stand_in_line({"a"});
  now += 1min;
  const auto queued = get<Queued>(waiting("b", "bob", "key of b"));

  EXPECT_EQ(queued.position, 2U);
  EXPECT_EQ(queued.waiters, 2U);
  EXPECT_EQ(queued.since, now);
  EXPECT_EQ(queued.place, (RowId{RowKind::waiter, "b"}));
  EXPECT_EQ(queued.ahead, (std::vector<Ahead>{{"holder of a", now - 1min}}));
  ASSERT_EQ(queued.holds.size(), 1U);
  EXPECT_EQ(queued.holds.front().since, now - 1min);
  EXPECT_EQ(told, Told{What::queued});
}

TEST_F(Queue, OfALongQueueTheTenNearestToTheLockAreNamed) {
  get<Granted>(named("held", "r"));
  sharers_in_line(0);
  for (int i = 0; i < 12; ++i) get<Queued>(waiting("w" + std::to_string(i), std::to_string(i), "key"));
  const auto queued = get<Queued>(waiting("last", "l", "key"));
  ASSERT_EQ(queued.ahead.size(), 10U);
  EXPECT_EQ(queued.ahead.front().holder, "0");
}

TEST_F(Queue, AReleaseGrantsToTheHeadInTheSameChange) {
  stand_in_line({"a", "b"});
  polls.insert("a", "r");
  const auto released = get<Released>(by_name("held"));

  EXPECT_EQ(told, (Told{What::released, What::granted}));
  EXPECT_EQ(released.version, version());
  EXPECT_EQ(released.holds.front().holder, "holder of a");
  EXPECT_EQ(record.head.key, "key of a");
  EXPECT_EQ(queue(), std::vector<std::string>{"b"});
  EXPECT_EQ(history.back().holder, "holder of a");
  EXPECT_EQ(history.back().token, claim("a").token);
}

TEST_F(Queue, AForcedReleaseKeepsTheQueueAndGrantsToItsHead) {
  stand_in_line({"a", "b"});
  EXPECT_EQ(get<Released>(ForceRelease{"stuck"}).released, 1U);
  EXPECT_TRUE(has("a"));
  EXPECT_EQ(queue(), std::vector<std::string>{"b"});
}

TEST_F(Queue, AForcedReleaseEndsOffersToo) {
  stand_in_line({"a", "b"});
  get<Released>(by_name("held"));
  EXPECT_TRUE(claim("a").offered);
  get<Released>(ForceRelease{"stuck"});
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("b"));
}

TEST_F(Queue, ALapseGrantsToTheHeadInTheSameChange) {
  get<Granted>(leased(named("held", "r"), 10s));
  get<Queued>(waiting("a", "ann", "other"));
  get<Noted>(lapse_of(claim("held")));
  EXPECT_EQ(told, (Told{What::lapsed, What::offered}));
}

TEST_F(Queue, ExactlyOneOfSeveralWithDifferentKeysIsGranted) {
  stand_in_line({"a", "b", "c"});
  get<Released>(by_name("held"));
  EXPECT_EQ(count(record), 1U);
  EXPECT_EQ(queue(), (std::vector<std::string>{"b", "c"}));
}

TEST_F(Queue, AllSharersAtTheHeadAreGrantedTogether) {
  get<Granted>(named("held", "r"));
  sharers_in_line(3);
  get<Queued>(waiting("other", "o", "other"));
  sharers_in_line(3);  // the same, asking again
  get<Queued>(waiting("late", "l", "shared"));
  get<Released>(by_name("held"));

  EXPECT_EQ(told, (Told{What::released, What::offered, What::offered, What::offered}));
  EXPECT_EQ(queue(), (std::vector<std::string>{"other", "late"}));
}

TEST_F(Queue, ALargeHandOverGoesOnInCommitsOf32) {
  get<Granted>(by("h"));
  sharers_in_line(100);
  get<Released>(from("h"));
  EXPECT_EQ(record.claims.size(), commit_grants);
  EXPECT_TRUE(hand_over());
  EXPECT_EQ(told.size(), commit_grants);
  EXPECT_TRUE(hand_over());
  EXPECT_TRUE(hand_over());
  EXPECT_EQ(told.size(), 4U);
  EXPECT_TRUE(record.waiters.empty());
  EXPECT_FALSE(hand_over());
}

TEST_F(Queue, TheRestOfALargeHandOverHasThoseWhoReenterToo) {
  get<Granted>(by("h"));
  sharers_in_line(commit_grants);
  get<Queued>(waiting("other", "o", "other"));
  get<Queued>(waiting("second claim", "holder of s0", "shared"));
  get<Released>(from("h"));
  EXPECT_FALSE(has("second claim"));
  EXPECT_TRUE(hand_over());
  EXPECT_TRUE(has("second claim"));
  EXPECT_FALSE(hand_over());
}

TEST_F(Queue, ASharerJoinsAtOnceWhenNobodyIsQueued) {
  get<Granted>(named("held", "r"));
  EXPECT_EQ(get<Granted>(waiting("a", "ann", "k")).count, 1U);
}

TEST_F(Queue, ASharerDoesNotPassTheQueue) {
  stand_in_line({"a"});
  EXPECT_EQ(get<Queued>(waiting("b", "bob", "k")).position, 2U);
}

TEST_F(Queue, AHolderThatHoldsReentersPastTheQueue) {
  stand_in_line({"a"});
  EXPECT_EQ(get<Granted>(by("h")).count, 2U) << "it can't wait for itself";
  EXPECT_EQ(get<Granted>(waiting("second", "h", "k")).count, 3U);
}

TEST_F(Queue, AHolderThatHoldsWithAnotherKeyWaitsAsAnybody) {
  stand_in_line({"a"});
  EXPECT_EQ(get<Queued>(waiting("b", "h", "other")).position, 2U);
}

TEST_F(Queue, WhoIsGrantedReentersWithAllItsPlaces) {
  get<Granted>(named("held", "r"));
  get<Queued>(waiting("first", "ann", "ann's"));
  get<Queued>(waiting("other", "bob", "bob's"));
  get<Queued>(waiting("second", "ann", "ann's"));
  get<Released>(by_name("held"));

  EXPECT_TRUE(has("first"));
  EXPECT_TRUE(has("second")) << "behind bob it would wait for itself";
  EXPECT_EQ(queue(), std::vector<std::string>{"other"});
}

TEST_F(Queue, WhoHoldsByTakingAClaimOverReentersWithItsPlaces) {
  get<Granted>(named("held", "r1"));
  get<Queued>(waiting("other", "bob", "bob's"));
  get<Queued>(waiting("second", "ann", "k"));
  EXPECT_TRUE(get<Granted>(named("held", "r2", version(), "ann")).took_over);
  EXPECT_TRUE(has("second"));
}

TEST_F(Queue, APlainRequestNeitherQueuesNorOvertakes) {
  stand_in_line({"a"});
  get<Refused>(by("bob", "other"));
  get<Refused>(by("bob", "k"));
  get<Refused>(named("n", "r", std::nullopt, "bob"));
  EXPECT_FALSE(changed);
  EXPECT_EQ(record.waiters.size(), 1U);
}

TEST_F(Queue, WhenTheFirstLeavesASharerBehindItJoins) {
  stand_in_line({"a"});
  get<Queued>(waiting("b", "bob", "k"));
  get<Released>(withdrawal("a", "r", std::nullopt, "key of a"));
  EXPECT_EQ(told, (Told{What::withdrawn, What::offered}));
  EXPECT_TRUE(has("b"));
}

TEST_F(Queue, MoreWaitersThanTheLimitAreTooMany) {
  limits.waiters = 1;
  stand_in_line({"a"});
  get<TooMany>(waiting("b", "bob", "other"));
  get<Queued>(waiting("a", "holder of a", "key of a"));
}

TEST_F(Queue, AWaiterForWhomThereIsNoRoomGoesOnWaiting) {
  limits.claim_rows = 2;
  stand_in_line({"a"});
  get<Queued>(waiting("b", "bob", "key of a"));
  get<Queued>(waiting("c", "cid", "key of a"));
  get<Released>(by_name("held"));
  EXPECT_EQ(queue(), std::vector<std::string>{"c"});
  EXPECT_EQ(get<Queued>(waiting("c", "cid", "key of a")).position, 1U);
  get<Released>(by_name("a", "key of a"));
  EXPECT_TRUE(has("c"));
}

// ---- a waiter's place

TEST_F(Queue, APollRepeatedFindsItsPlaceAndChangesNothing) {
  stand_in_line({"a", "b"});
  const auto queued = get<Queued>(waiting("b", "holder of b", "key of b"));
  EXPECT_EQ(queued.position, 2U);
  EXPECT_FALSE(changed);
}

TEST_F(Queue, APlaceThatIsKeptCountsAnewAndKeepsItsTurn) {
  stand_in_line({"a"});
  get<Queued>(waiting("b", "bob", "k"));  // a sharer, behind
  const Lapse stale = lapse_of(place("a"));
  EXPECT_TRUE(get<Noted>(KeepPlace{"a"}).changed);
  EXPECT_EQ(told, Told{What::renewed});
  EXPECT_EQ(queue(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(get<Noted>(stale).changed);
  EXPECT_FALSE(get<Noted>(KeepPlace{"nobody"}).changed);
}

TEST_F(Queue, APlaceNobodyPollsForLapsesAndItsClientMayQueueAnew) {
  stand_in_line({"a", "b"});
  Acquire same = waiting("a", "holder of a", "key of a");
  same.begun = place("a").begun;
  get<Noted>(lapse_of(place("a")));
  EXPECT_EQ(told, Told{What::lapsed});
  EXPECT_EQ(history.back().token, 0U);
  EXPECT_EQ(get<Queued>(same).position, 2U);
}

TEST_F(Queue, APollThatIsOpenIsGrantedTheLockItself) {
  stand_in_line({"a"});
  polls.insert("a", "r");
  get<Released>(by_name("held"));
  EXPECT_EQ(told.back(), What::granted);
  EXPECT_FALSE(claim("a").offered);
  EXPECT_TRUE(get<Granted>(waiting("a", "holder of a", "key of a")).again);
}

TEST_F(Queue, AnotherIntentionsPollIsNotTheWaiters) {
  stand_in_line({"a"});
  polls.insert("a", "another request");
  get<Released>(by_name("held"));
  EXPECT_TRUE(claim("a").offered);
}

TEST_F(Queue, AWaiterThatIsAwayIsOfferedTheLockForItsGrace) {
  terms.grace = 7s;
  stand_in_line({"a"});
  get<Released>(by_name("held"));
  EXPECT_EQ(told.back(), What::offered);
  EXPECT_EQ(claim("a").offered, 7s);
  EXPECT_EQ(record.head.timed, 1U);
}

TEST_F(Queue, TheNextPollTakesTheOfferUpWithANewToken) {
  stand_in_line({"a"});
  get<Released>(by_name("held"));
  const Version offered = claim("a").token;
  now += 5s;
  const auto granted = get<Granted>(waiting("a", "holder of a", "key of a"));

  EXPECT_EQ(told, Told{What::granted});
  EXPECT_GT(granted.token, offered);
  EXPECT_FALSE(granted.again);
  EXPECT_EQ(granted.since, now);
  EXPECT_EQ(granted.count, 1U);
  EXPECT_FALSE(claim("a").offered);
}

TEST_F(Queue, AnOfferNobodyTakesPassesOnAndHistorySaysSo) {
  stand_in_line({"a", "b"});
  get<Released>(by_name("held"));
  get<Noted>(lapse_of(claim("a")));
  EXPECT_EQ(told, (Told{What::offer_lapsed, What::offered}));
  EXPECT_TRUE(has("b"));
}

TEST_F(Queue, WhoMissedItsOfferMayQueueAgain) {
  stand_in_line({"a"});
  Acquire same = waiting("a", "holder of a", "key of a");
  same.begun = place("a").begun;
  get<Released>(by_name("held"));
  get<Noted>(lapse_of(claim("a")));
  EXPECT_TRUE(is_free());
  get<Granted>(same);
}

TEST_F(Queue, TheLapseOfAnOfferThatWasTakenUpEndsNothing) {
  stand_in_line({"a"});
  get<Released>(by_name("held"));
  const Lapse late = lapse_of(claim("a"));
  get<Granted>(waiting("a", "holder of a", "key of a"));
  EXPECT_FALSE(get<Noted>(late).changed);
  EXPECT_TRUE(has("a"));
}

TEST_F(Queue, AGrantWhosePollWasCutBecomesAnOffer) {
  stand_in_line({"a"});
  polls.insert("a", "r");
  get<Released>(by_name("held"));
  const GiveBack cut{"a", "r", claim("a").token};
  EXPECT_TRUE(get<Noted>(cut).changed);
  EXPECT_EQ(told, Told{What::offered});
  EXPECT_EQ(claim("a").offered, terms.grace);
  EXPECT_FALSE(get<Noted>(cut).changed) << "once is enough";
  get<Granted>(waiting("a", "holder of a", "key of a"));
  EXPECT_FALSE(get<Noted>(cut).changed) << "it has another token by now";
  EXPECT_FALSE(claim("a").offered);
}

// ---- told by several servers

TEST_F(Queue, WhereOthersMayTellTooItIsWrittenThatSomebodyAskedAgain) {
  shared = true;
  stand_in_line({"a"});
  polls.insert("a", "r");
  get<Released>(by_name("held"));
  const Version token = claim("a").token;
  const auto again = get<Granted>(waiting("a", "holder of a", "key of a"));

  EXPECT_TRUE(again.again);
  EXPECT_EQ(again.token, token);
  EXPECT_EQ(again.version, version());
  EXPECT_EQ(told, Told{What::renewed});
  EXPECT_EQ(claim("a").renewed, version());
  get<Granted>(waiting("a", "holder of a", "key of a"));
  EXPECT_EQ(told, Told{}) << "once is enough";
  EXPECT_FALSE(get<Noted>(GiveBack{"a", "r", token}).changed) << "somebody was told of it elsewhere";
  EXPECT_FALSE(claim("a").offered);
}

TEST_F(Queue, WhereOthersMayTellTooAGrantNobodyWasToldOfIsGivenBack) {
  shared = true;
  stand_in_line({"a"});
  polls.insert("a", "r");
  get<Released>(by_name("held"));
  EXPECT_TRUE(get<Noted>(GiveBack{"a", "r", claim("a").token}).changed);
}

TEST_F(Queue, WhoIsGrantedInTheSameCommitIsToldWithoutAnotherLine) {
  get<Granted>(named("held", "r"));
  const Acquire same = named("held", "r");
  const auto decision = decide(record, {"prod", {}, same}, {now, limits, terms, &polls, version() - 1});
  EXPECT_TRUE(std::get<Granted>(decision.outcome).again);
  EXPECT_FALSE(decision.change);
}

// ---- intentions that wait

TEST_F(Queue, ANewerRequestTakesThePlaceOverAndKeepsItsTurn) {
  stand_in_line({"a", "b"});
  const WallTime came = now;
  now += 1min;
  Acquire again = waiting("a", "a's second process", "key of a");
  again.request = "r2";
  const auto queued = get<Queued>(again);

  EXPECT_EQ(queued.position, 1U);
  EXPECT_EQ(queued.since, came);
  EXPECT_EQ(told, Told{What::taken_over});
  EXPECT_EQ(queue(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(place("a").request, "r2");
  EXPECT_EQ(get<Gone>(named("a", "r", 0)).why, Gone::Why::superseded);
}

TEST_F(Queue, NobodyPassesAPlaceWhileItIsTakenOver) {
  stand_in_line({"a"});
  get<Queued>(waiting("b", "bob", "k"));  // shares with the holder, and is behind a
  Acquire again = waiting("a", "holder of a", "key of a");
  again.request = "r2";
  get<Queued>(again);
  EXPECT_EQ(queue(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(Queue, APlaceTakenOverWithTheHoldersKeyHoldsAtOnceIfItIsFirst) {
  stand_in_line({"a"});
  Acquire again = waiting("a", "ann", "k");
  again.request = "r2";
  get<Granted>(again);
  EXPECT_TRUE(record.waiters.empty());
}

TEST_F(Queue, AnOlderRequestTakesNoPlaceOver) {
  stand_in_line({"a"});
  Acquire late = waiting("a", "holder of a", "key of a");
  late.request = "r0";
  late.begun = 0;
  EXPECT_EQ(get<Gone>(late).why, Gone::Why::superseded);
  EXPECT_EQ(place("a").request, "r");
}

TEST_F(Queue, AnOfferIsTakenOverAsAClaimIs) {
  stand_in_line({"a"});
  get<Released>(by_name("held"));
  now += 5s;
  const auto taken = get<Granted>(named("a", "r2", version(), "ann", "key of a"));
  EXPECT_TRUE(taken.took_over);
  EXPECT_EQ(taken.since, now) << "nobody held it yet";
  EXPECT_FALSE(claim("a").offered);
  EXPECT_EQ(claim("a").granted, version());
}

TEST_F(Queue, AReleaseByNameTakesThePlaceAndClosesTheName) {
  stand_in_line({"a"});
  const Version begun = place("a").begun;
  const auto released = get<Released>(by_name("a", "key of a"));
  EXPECT_EQ(released.released, 0U);
  EXPECT_TRUE(released.withdrawn);
  EXPECT_FALSE(waits("a"));
  EXPECT_EQ(get<Gone>(named("a", "r", begun, "holder of a", "key of a")).why, Gone::Why::closed);
}

TEST_F(Queue, AReleaseByNameWithAnotherKeyTakesNoPlace) {
  stand_in_line({"a"});
  get<NotYours>(by_name("a", "k"));
  EXPECT_TRUE(waits("a"));
}

TEST_F(Queue, AReleaseWithoutANameLeavesPlacesAndNamedOffersAlone) {
  stand_in_line({"a"});
  get<Queued>(waiting("b", "holder of a", "key of a"));
  get<Released>(by_name("held"));
  EXPECT_EQ(get<Released>(from("holder of a", "key of a")).released, 0U);
  EXPECT_TRUE(has("a"));
}

TEST_F(Queue, AWithdrawalTakesItsOwnPlaceForGood) {
  stand_in_line({"a", "b"});
  const Version begun = place("a").begun;
  get<Released>(withdrawal("a", "r", begun, "key of a"));
  EXPECT_EQ(told, Told{What::withdrawn});
  EXPECT_EQ(queue(), std::vector<std::string>{"b"});
  EXPECT_EQ(get<Gone>(named("a", "r", begun, "h", "key of a")).why, Gone::Why::closed);
  EXPECT_TRUE(get<Released>(withdrawal("a", "r", begun, "key of a")).withdrawn);
  EXPECT_FALSE(changed) << "said twice";
}

TEST_F(Queue, AWithdrawalLeavesAnotherAttemptsPlaceAlone) {
  stand_in_line({"a"});
  get<Released>(withdrawal("a", "another request", 0, "key of a"));
  EXPECT_EQ(place("a").request, "r");
}

TEST_F(Queue, AWithdrawalTakesAnOfferBackAndItPassesOn) {
  stand_in_line({"a", "b"});
  get<Released>(by_name("held"));
  EXPECT_EQ(get<Released>(withdrawal("a", "r", std::nullopt, "key of a")).released, 1U);
  EXPECT_TRUE(has("b"));
}

TEST_F(Queue, WhatWasReleasedByItsBuildIsOverForWhoStillWaits) {
  stand_in_line({"a"});
  const Version begun = place("a").begun;
  get<Released>(by_name("a", "key of a"));
  Acquire still = waiting("a", "holder of a", "key of a");
  still.begun = begun;
  EXPECT_EQ(get<Gone>(still).why, Gone::Why::closed);
  still.begun = version();
  get<Queued>(still);
}

TEST_F(Queue, AWaiterIsNotForgottenWhateverIsForgotten) {
  limits.closed_names = 1;
  stand_in_line({"a"});
  for (const char* other : {"x", "y", "z"}) get<Released>(by_name(other));
  ASSERT_GT(record.head.forgotten, place("a").begun);
  Acquire again = waiting("a", "holder of a", "key of a");
  again.begun = place("a").begun;
  get<Queued>(again);
}

// ---- places for old clients that only poll

TEST_F(Queue, ARefusedPlainRequestKeepsAPlaceIfTheServerIsToldSo) {
  terms.place_for_refused = 90s;
  stand_in_line({"a"});
  const auto queued = get<Queued>(by("old", "old key"));
  EXPECT_EQ(queued.position, 2U);
  EXPECT_EQ(record.waiters.back().grace, 90s);
  get<Queued>(by("old", "old key"));
  EXPECT_FALSE(changed) << "known by its key and holder";
  get<Queued>(by("another", "old key"));
  EXPECT_EQ(record.waiters.size(), 3U);
}

TEST_F(Queue, ARefusedRequestWhoseKeyDoesNotComeAgainKeepsNone) {
  terms.place_for_refused = 90s;
  get<Granted>(by("h"));
  Acquire once = by("old", "a key of its own");
  once.placeless = true;
  get<Refused>(once);
  EXPECT_TRUE(record.waiters.empty());
}

TEST_F(Queue, ThePlaceOfAPollingClientIsOfferedAndTakenUpByItsNextTry) {
  terms.place_for_refused = 90s;
  get<Granted>(by("h"));
  get<Queued>(by("old", "old key"));
  get<Released>(from("h"));
  EXPECT_EQ(told, (Told{What::released, What::offered}));
  get<Refused>(named("n", "r", std::nullopt, "h", "k"));

  EXPECT_EQ(get<Granted>(by("old", "old key")).count, 1U);
  EXPECT_EQ(told, Told{What::granted});
  EXPECT_TRUE(record.claims.empty()) << "a plain claim is a number";
  EXPECT_EQ(record.head.timed, 0U);
  EXPECT_EQ(get<Released>(from("old", "old key")).released, 1U);
  EXPECT_TRUE(is_free());
}

TEST_F(Queue, APollingClientIsRefusedWhereTheQueueIsFull) {
  terms.place_for_refused = 90s;
  limits.waiters = 1;
  stand_in_line({"a"});
  get<Refused>(by("old", "old key"));
}

// ---- estimates

TEST_F(Queue, WithoutAHistoryNobodyKnowsHowLongItTakes) {
  stand_in_line({"a"});
  EXPECT_FALSE(get<Queued>(waiting("a", "holder of a", "key of a")).estimate);
}

TEST_F(Queue, AnEstimateCountsTheGroupsAheadAndTheRestOfTheHold) {
  get<Granted>(by("h"));
  now += 10s;
  get<Released>(from("h"));
  stand_in_line({});
  now += 4s;
  EXPECT_EQ(get<Queued>(waiting("a", "a", "shared")).estimate, 6s);
  EXPECT_EQ(get<Queued>(waiting("b", "b", "shared")).estimate, 6s) << "together with a";
  EXPECT_EQ(get<Queued>(waiting("c", "c", "other")).estimate, 16s);
  EXPECT_EQ(estimated_wait(record, 2, now + 1min), 10s);
}

TEST_F(Queue, AnOfferNobodyTookSaysNothingOfHowLongHoldsLast) {
  get<Granted>(by("h"));
  get<Queued>(waiting("a", "a", "other"));
  now += 10s;
  get<Released>(from("h"));
  now += 1h;
  get<Noted>(lapse_of(claim("a")));
  EXPECT_EQ(record.head.mean_hold, 10s);
}

}  // namespace
}  // namespace lockkeeper::locks
