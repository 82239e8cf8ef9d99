// The rules one by one, each as a story about one lock: sharing, releasing, forcing.
#include "rules_story.h"

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

class Rules : public RulesStory {};

// ---- shared by key

TEST_F(Rules, AFreeLockIsGrantedAndKnowsItsHolder) {
  const auto granted = get<Granted>(by("ann"));

  EXPECT_EQ(granted.version, 1U);
  EXPECT_EQ(granted.token, 1U);
  EXPECT_EQ(granted.count, 1U);
  EXPECT_EQ(granted.since, now);
  EXPECT_EQ(record.head.key, "k");
  EXPECT_EQ(holds(record), (std::vector<Hold>{{"ann", 1, now, {}}}));
  EXPECT_EQ(history.back().what, What::acquired);
}

TEST_F(Rules, TheSameKeySharesAndEachHolderHasACount) {
  get<Granted>(by("ann"));
  get<Granted>(by("bob"));
  const auto again = get<Granted>(by("ann"));

  EXPECT_EQ(again.count, 2U);
  EXPECT_EQ(again.token, 3U);
  EXPECT_EQ(count(record), 3U);
  EXPECT_EQ(history.back().what, What::shared);
}

TEST_F(Rules, AnotherKeyIsRefusedAndToldWhoHolds) {
  get<Granted>(by("ann", "k1"));
  const auto refused = get<Refused>(by("ann", "k2"));

  EXPECT_FALSE(changed);
  EXPECT_EQ(refused.version, 1U);
  EXPECT_EQ(refused.holds, (std::vector<Hold>{{"ann", 1, now, {}}}));
}

TEST_F(Rules, ALockTakenTwiceNeedsTwoReleases) {
  get<Granted>(by("ann"));
  get<Granted>(by("ann"));
  EXPECT_EQ(get<Released>(from("ann")).released, 1U);
  EXPECT_FALSE(is_free());
  EXPECT_EQ(get<Released>(from("ann")).released, 1U);
  EXPECT_TRUE(is_free());
  get<Granted>(by("bob", "another key"));
}

TEST_F(Rules, ATokenGrowsAlsoAfterTheLockWasFree) {
  const auto first = get<Granted>(by("ann"));
  get<Released>(from("ann"));
  EXPECT_GT(get<Granted>(by("ann")).token, first.token);
}

TEST_F(Rules, AForgottenLockGoesOnFromItsFloor) {
  record = absent(41);
  EXPECT_EQ(get<Granted>(by("ann")).token, 42U);
}

// ---- release

TEST_F(Rules, ReleasingAFreeLockIsFineAndChangesNothing) {
  EXPECT_EQ(get<Released>(from("ann")).released, 0U);
  EXPECT_FALSE(changed);
}

TEST_F(Rules, ReleasingWithAnotherKeyIsRefused) {
  get<Granted>(by("ann", "k1"));
  EXPECT_EQ(get<NotYours>(from("ann", "k2")).holds.size(), 1U);
  EXPECT_FALSE(changed);
}

TEST_F(Rules, AHolderThatHoldsNothingReleasesNothing) {
  get<Granted>(by("ann"));
  EXPECT_EQ(get<Released>(from("bob")).released, 0U);
  EXPECT_FALSE(changed);
}

TEST_F(Rules, AReleaseTakesTheHoldersOldestClaimNamedOrNot) {
  get<Granted>(named("old", "r"));
  get<Granted>(by("h"));
  Acquire described = by("h");
  described.metadata = {{"url", "x"}};
  get<Granted>(described);

  get<Released>(from("h"));
  EXPECT_EQ(history.back().claim, "old");
  EXPECT_EQ(history.back().token, 1U);
  get<Released>(from("h"));
  EXPECT_TRUE(record.head.tallies.empty());
  get<Released>(from("h"));
  EXPECT_TRUE(is_free());
}

TEST_F(Rules, AReleaseOfAllTakesEveryClaimOfThatHolderInOneEvent) {
  get<Granted>(by("h"));
  get<Granted>(by("h"));
  get<Granted>(named("n", "r"));
  get<Granted>(by("bob"));

  const auto released = get<Released>(all_of("h"));

  EXPECT_EQ(released.released, 3U);
  EXPECT_EQ(released.holds, (std::vector<Hold>{{"bob", 1, now, {}}}));
  EXPECT_EQ(history.size(), 5U);
  EXPECT_EQ(history.back().count, 3U);
  EXPECT_EQ(get<Gone>(named("n", "late copy", 3)).why, Gone::Why::closed);
}

TEST_F(Rules, AReleaseByNameTakesExactlyThatClaim) {
  get<Granted>(by("h"));
  get<Granted>(named("n", "r"));
  EXPECT_EQ(get<Released>(by_name("n")).released, 1U);
  EXPECT_EQ(count(record), 1U);
  EXPECT_TRUE(record.claims.empty());
}

TEST_F(Rules, AReleaseByNameOfNothingClosesTheNameWhateverTheKey) {
  get<Granted>(by("ann", "k1"));
  const auto released = get<Released>(by_name("n", "k2"));

  EXPECT_EQ(released.released, 0U);
  EXPECT_TRUE(released.withdrawn);
  EXPECT_EQ(history.back().what, What::withdrawn);
  EXPECT_EQ(get<Gone>(named("n", "r", 1, "h", "k1")).why, Gone::Why::closed);
}

TEST_F(Rules, AReleaseByNameOfAClaimWithAnotherKeyIsRefused) {
  get<Granted>(named("n", "r", 0, "h", "k1"));
  get<NotYours>(by_name("n", "k2"));
  EXPECT_FALSE(changed);
}

// ---- release by how the key begins: at doors where who unlocks shows no key

TEST_F(Rules, WhoKnowsHowTheKeyBeginsEndsTheClaimWhoeverHoldsIt) {
  get<Granted>(by("ann", "door:a:123"));
  const auto released = get<Released>(beginning("door:", "bob"));

  EXPECT_EQ(released.released, 1U);
  EXPECT_TRUE(is_free());
  EXPECT_EQ(history.back().what, What::released);
  EXPECT_EQ(history.back().holder, "ann") << "whose claim it was";
}

TEST_F(Rules, AKeyThatBeginsOtherwiseIsRefused) {
  get<Granted>(by("ann", "door:a:123"));
  for (const char* key : {"door:b:", "oor:", "door:a:123x", "k"}) {
    EXPECT_EQ(get<NotYours>(beginning(key)).holds.size(), 1U) << key;
    EXPECT_FALSE(changed);
  }
  EXPECT_EQ(get<Released>(beginning("door:a:123")).released, 1U) << "the whole key is its own beginning";
}

TEST_F(Rules, WithoutSayingSoAKeyIsMeantWhole) {
  get<Granted>(by("ann", "door:a:123"));
  get<NotYours>(from("ann", "door:"));
}

TEST_F(Rules, ReleasingAFreeLockByABeginningIsFine) {
  EXPECT_EQ(get<Released>(beginning("door:")).released, 0U);
  EXPECT_FALSE(changed);
}

TEST_F(Rules, AReleaseByABeginningLeavesAnOfferToItsWaiter) {
  get<Granted>(by("ann", "k"));
  get<Queued>(waiting("w", "wim", "door:a:123"));
  get<Released>(from("ann", "k"));  // offered: no poll of w is open
  ASSERT_TRUE(claim("w").offered.has_value());

  EXPECT_EQ(get<Released>(beginning("door:")).released, 0U);
  EXPECT_FALSE(changed);
  EXPECT_TRUE(has("w"));
}

TEST_F(Rules, AReleaseByABeginningHandsOverToTheQueue) {
  get<Granted>(named("a", "r", std::nullopt, "ann", "door:a:123"));
  get<Queued>(waiting("w", "wim", "other"));
  EXPECT_EQ(get<Released>(beginning("door:")).released, 1U);
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("w"));
  EXPECT_EQ(record.head.key, "other");
  get<Gone>(named("a", "r", 0, "ann", "door:a:123"));  // its name is closed, as by any release
}

// ---- forced release

TEST_F(Rules, AForcedReleaseEndsEverythingAndSaysWhy) {
  get<Granted>(by("ann"));
  get<Granted>(by("bob"));
  get<Granted>(named("n", "r"));

  EXPECT_EQ(get<Released>(ForceRelease{"build died"}).released, 3U);

  EXPECT_TRUE(is_free());
  EXPECT_EQ(history.back().what, What::forced);
  EXPECT_EQ(history.back().count, 3U);
  EXPECT_EQ(history.back().reason, "build died");
  EXPECT_EQ(get<Gone>(named("n", "r", 2)).why, Gone::Why::closed);
}

TEST_F(Rules, AForcedReleaseOfAFreeLockChangesNothing) {
  EXPECT_EQ(get<Released>(ForceRelease{"why not"}).released, 0U);
  EXPECT_FALSE(changed);
}

// ---- limits, history, reading

TEST_F(Rules, MoreClaimsThanTheLimitAreTooMany) {
  limits.claim_rows = 1;
  get<Granted>(named("a", "r"));
  get<TooMany>(named("b", "r"));
  EXPECT_TRUE(get<Granted>(named("a", "newer", 1)).took_over) << "a take-over adds none";
  get<Granted>(by("h"));
}

TEST_F(Rules, MoreHoldersOrCountsThanTheLimitAreTooMany) {
  limits.holders = 1;
  limits.tally_count = 2;
  get<Granted>(by("ann"));
  get<TooMany>(by("bob"));
  get<Granted>(by("ann"));
  get<TooMany>(by("ann"));
}

TEST_F(Rules, HistoryNamesTheCallerAndNeverTheKey) {
  get<Granted>(by("h", "secret"));
  const Event& event = history.back();
  EXPECT_EQ(event.by, "ann");
  EXPECT_EQ(event.door, "locker");
  EXPECT_EQ(event.at, now);
  for (const std::string& text : {event.holder, event.claim, event.reason, event.change}) {
    EXPECT_EQ(text.find("secret"), std::string::npos);
  }
}

TEST_F(Rules, InspectingChangesNothing) {
  get<Granted>(by("h"));
  EXPECT_EQ(get<Inspected>(Inspect{}).record, record);
  EXPECT_FALSE(changed);
}

TEST_F(Rules, AHoldIsAsOldAsItsOldestClaimAndShowsItsMetadata) {
  get<Granted>(by("h"));
  now += 1min;
  Acquire described = by("h");
  described.metadata = {{"build", "12"}};
  get<Granted>(described);
  EXPECT_EQ(holds(record), (std::vector<Hold>{{"h", 2, now - 1min, {{"build", "12"}}}}));
}

}  // namespace
}  // namespace lockkeeper::locks
