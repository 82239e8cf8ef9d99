// The rules of leases: renewing, lapsing, what bounds a hold, and fencing.
#include "rules_story.h"

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

class Leases : public RulesStory {
 protected:
  static Renew renewal(const std::string& claim, std::optional<milliseconds> ttl = {},
                       const std::string& key = "k") {
    return {key, claim, std::nullopt, ttl};
  }
};

// ---- renewing

TEST_F(Leases, ALeaseSaysHowLongItLasts) {
  const auto granted = get<Granted>(leased(named("n", "r"), 30s));
  EXPECT_EQ(granted.ttl, 30s);
  EXPECT_EQ(claim("n").renewed, granted.token);
  EXPECT_EQ(record.head.timed, 1U);
}

TEST_F(Leases, RenewingCountsTheTtlAnewAndKeepsTheToken) {
  const auto granted = get<Granted>(leased(named("n", "r"), 30s));
  const auto renewed = get<Renewed>(renewal("n"));
  EXPECT_EQ(renewed.token, granted.token);
  EXPECT_EQ(renewed.ttl, 30s);
  EXPECT_EQ(claim("n").renewed, version());
  EXPECT_EQ(history.back().what, What::renewed);
  EXPECT_EQ(history.back().token, granted.token);
}

TEST_F(Leases, RenewingNeverShortens) {
  get<Granted>(leased(named("n", "r"), 30s));
  EXPECT_EQ(get<Renewed>(renewal("n", 10s)).ttl, 30s) << "and says so";
  EXPECT_EQ(get<Renewed>(renewal("n", 50s)).ttl, 50s);
  EXPECT_EQ(get<Renewed>(renewal("n")).ttl, 50s) << "from here on";
}

TEST_F(Leases, AClaimWithoutATtlStaysWithoutOne) {
  get<Granted>(named("n", "r"));
  EXPECT_FALSE(get<Renewed>(renewal("n", 10s)).ttl);
  EXPECT_FALSE(changed);
  EXPECT_FALSE(claim("n").ttl);
}

TEST_F(Leases, RenewingNeedsTheKey) {
  get<Granted>(leased(named("n", "r"), 30s));
  get<NotYours>(renewal("n", 10s, "another key"));
  EXPECT_FALSE(changed);
}

TEST_F(Leases, RenewingNeedsTheClaim) {
  get<Granted>(leased(named("n", "r"), 30s));
  EXPECT_EQ(get<Gone>(renewal("other")).why, Gone::Why::ended);
}

TEST_F(Leases, RenewingCannotReviveWhatEndedAndSaysHowItEnded) {
  get<Granted>(leased(named("n", "r"), 30s));
  get<Noted>(lapse_of(claim("n")));
  const auto lapsed = get<Gone>(renewal("n"));
  EXPECT_EQ(lapsed.why, Gone::Why::ended);
  EXPECT_EQ(lapsed.end, End::lapsed);

  get<Granted>(leased(named("n", "later"), 30s));
  get<Released>(by_name("n"));
  EXPECT_EQ(get<Gone>(renewal("n")).end, End::released);

  get<Granted>(leased(named("n", "latest"), 30s));
  get<Released>(ForceRelease{"because"});
  EXPECT_EQ(get<Gone>(renewal("n")).end, End::forced);
  EXPECT_TRUE(is_free());
}

TEST_F(Leases, WhoWasSupersededCannotRenewByItsToken) {
  const auto granted = get<Granted>(leased(named("n", "r1"), 30s));
  get<Granted>(leased(named("n", "r2"), 30s));
  EXPECT_EQ(get<Gone>(Renew{"k", "n", granted.token, std::nullopt}).why, Gone::Why::superseded);
  EXPECT_EQ(get<Renewed>(Renew{"k", "n", claim("n").token, std::nullopt}).token, claim("n").token);
}

TEST_F(Leases, AnUnnamedLeaseIsRenewedByItsToken) {
  const auto granted = get<Granted>(leased(by("h"), 30s));
  EXPECT_EQ(get<Renewed>(Renew{"k", "", granted.token, 40s}).ttl, 40s);
  EXPECT_EQ(get<Gone>(Renew{"k", "", granted.token + 1, std::nullopt}).why, Gone::Why::ended);
}

TEST_F(Leases, AnOfferIsNotRenewedButTakenUp) {
  get<Granted>(by("other", "another key"));
  get<Queued>(leased(waiting("n", "h", "k"), 30s));
  get<Released>(from("other", "another key"));
  EXPECT_EQ(get<Gone>(renewal("n")).why, Gone::Why::ended);
  EXPECT_TRUE(claim("n").offered);
}

TEST_F(Leases, ATtlStartsWhenTheOfferIsTakenUp) {
  get<Granted>(by("other", "another key"));
  get<Queued>(leased(waiting("n", "h", "k"), 30s));
  get<Released>(from("other", "another key"));
  EXPECT_EQ(get<Granted>(leased(waiting("n", "h", "k"), 30s)).ttl, 30s);
  EXPECT_EQ(claim("n").renewed, version());
  EXPECT_TRUE(get<Noted>(lapse_of(claim("n"))).changed);
  EXPECT_EQ(history.back().what, What::lapsed);
}

// ---- lapsing

TEST_F(Leases, ALapseEndsTheClaimAndHistorySaysSo) {
  const auto granted = get<Granted>(leased(named("n", "r"), 30s));
  EXPECT_TRUE(get<Noted>(lapse_of(claim("n"))).changed);
  EXPECT_TRUE(is_free());
  EXPECT_EQ(record.head.timed, 0U);
  EXPECT_EQ(history.back().what, What::lapsed);
  EXPECT_EQ(history.back().token, granted.token);
  EXPECT_EQ(history.back().holder, "h");
}

TEST_F(Leases, ALapseThatARenewalOvertookEndsNothing) {
  get<Granted>(leased(named("n", "r"), 30s));
  const Lapse late = lapse_of(claim("n"));
  get<Renewed>(renewal("n"));
  EXPECT_FALSE(get<Noted>(late).changed);
  EXPECT_TRUE(has("n"));
}

TEST_F(Leases, ALapseThatATakeOverOvertookEndsNothing) {
  get<Granted>(leased(named("n", "r1"), 30s));
  const Lapse late = lapse_of(claim("n"));
  get<Granted>(leased(named("n", "r2"), 30s));
  EXPECT_FALSE(get<Noted>(late).changed);
}

TEST_F(Leases, AClaimWithoutALeaseNeverLapses) {
  get<Granted>(named("n", "r"));
  EXPECT_FALSE(get<Noted>(lapse_of(claim("n"))).changed);
  EXPECT_FALSE(get<Noted>(Lapse{RowKind::claim, "n", claim("n").granted, true}).changed);
  EXPECT_FALSE(get<Noted>(Lapse{RowKind::claim, "nobody", 1, false}).changed);
}

TEST_F(Leases, NothingEndsByAClock) {
  get<Granted>(leased(named("n", "r"), 30s));
  now += 1000h;
  EXPECT_TRUE(get<Granted>(named("n", "r")).again);
  get<Refused>(by("bob", "another key"));
  EXPECT_EQ(get<Renewed>(renewal("n")).ttl, 30s) << "until its lapse is committed";
}

TEST_F(Leases, ALateCopyOfWhatLapsedIsOver) {
  get<Granted>(leased(named("n", "r", 0), 30s));
  get<Noted>(lapse_of(claim("n")));
  const auto gone = get<Gone>(named("n", "r", 0));
  EXPECT_EQ(gone.why, Gone::Why::closed);
  EXPECT_EQ(gone.end, End::lapsed);
}

TEST_F(Leases, UnlockingWhatLapsedIsToldSo) {
  get<Granted>(leased(named("n", "r"), 30s));
  get<Noted>(lapse_of(claim("n")));
  const auto released = get<Released>(by_name("n"));
  EXPECT_EQ(released.released, 0U);
  EXPECT_EQ(released.ended, End::lapsed);
  EXPECT_EQ(get<Released>(by_name("n")).ended, End::lapsed) << "also the second time";
  EXPECT_FALSE(get<Released>(by_name("other")).ended);
}

TEST_F(Leases, HowAClaimEndedIsKnownAlsoWhereItsNameWasClosedFurther) {
  get<Granted>(leased(named("n", "r1", 0), 30s));
  get<Noted>(lapse_of(claim("n")));
  get<Granted>(named("n", "r2", version()));
  get<Granted>(by("h"));
  get<Released>(withdrawal("n", "r3", version()));
  get<Released>(withdrawal("n", "r2"));
  EXPECT_EQ(get<Gone>(renewal("n")).end, End::released) << "it was r2's that ended last";
}

TEST_F(Leases, OnlyOneOfAHoldersClaimsLapses) {
  get<Granted>(by("h"));
  get<Granted>(leased(by("h"), 30s));
  get<Noted>(lapse_of(record.claims.front()));
  EXPECT_EQ(count(record, "h"), 1U);
}

// ---- max_hold

TEST_F(Leases, EveryHoldIsBoundedByMaxHold) {
  terms.max_hold = 1h;
  EXPECT_EQ(get<Granted>(by("h")).max_hold, 1h);
  EXPECT_EQ(get<Granted>(named("n", "r")).max_hold, 1h);
  EXPECT_EQ(record.head.timed, 2U);
}

TEST_F(Leases, RenewalsDoNotExtendMaxHold) {
  terms.max_hold = 1h;
  get<Granted>(leased(named("n", "r"), 30s));
  const Lapse bound{RowKind::claim, "n", claim("n").granted, true};
  EXPECT_EQ(get<Renewed>(renewal("n")).max_hold, 1h);
  EXPECT_TRUE(get<Noted>(bound).changed);
  EXPECT_EQ(history.back().reason, "max_hold");
  EXPECT_TRUE(is_free());
}

TEST_F(Leases, ATakeOverDoesNotExtendMaxHold) {
  terms.max_hold = 1h;
  get<Granted>(named("n", "r1"));
  const Lapse bound{RowKind::claim, "n", claim("n").granted, true};
  get<Granted>(named("n", "r2"));
  EXPECT_TRUE(get<Noted>(bound).changed);
}

TEST_F(Leases, MaxHoldRunsFromWhenTheOfferIsTakenUp) {
  terms.max_hold = 1h;
  get<Granted>(by("other", "another key"));
  get<Queued>(waiting("n", "h", "k"));
  get<Released>(ForceRelease{"because"});
  const Lapse of_the_offer{RowKind::claim, "n", claim("n").granted, true};
  EXPECT_FALSE(get<Noted>(of_the_offer).changed);
  get<Granted>(waiting("n", "h", "k"));
  EXPECT_FALSE(get<Noted>(of_the_offer).changed);
  EXPECT_EQ(claim("n").granted, version());
}

// ---- fencing

TEST_F(Leases, ATokenGrowsWithEveryGrant) {
  std::vector<Version> tokens;
  tokens.push_back(get<Granted>(by("h")).token);
  tokens.push_back(get<Granted>(leased(named("n", "r1"), 30s)).token);
  get<Renewed>(renewal("n"));
  tokens.push_back(get<Granted>(named("n", "r2")).token);
  get<Queued>(waiting("w", "w", "other"));
  get<Released>(ForceRelease{"because"});
  tokens.push_back(claim("w").token);  // an offer
  tokens.push_back(get<Granted>(waiting("w", "w", "other")).token);
  get<Released>(by_name("w", "other"));
  tokens.push_back(get<Granted>(by("h")).token);
  for (std::size_t i = 1; i < tokens.size(); ++i) EXPECT_GT(tokens[i], tokens[i - 1]) << i;
}

TEST_F(Leases, ALockIsWatchedWhileSomethingOfItCanLapse) {
  get<Granted>(by("h"));
  EXPECT_EQ(record.head.timed, 0U);
  get<Granted>(leased(named("n", "r1"), 30s));
  get<Queued>(waiting("w", "w", "other"));
  EXPECT_EQ(record.head.timed, 2U);
  get<Granted>(named("n", "r2"));  // without a ttl
  EXPECT_EQ(record.head.timed, 1U);
  get<Released>(withdrawal("w", "r", std::nullopt, "other"));
  EXPECT_EQ(record.head.timed, 0U);
}

}  // namespace
}  // namespace lockkeeper::locks
