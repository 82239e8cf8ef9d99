// When a guarded command has to end, by a clock of the test's own.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "cli/run/ending.h"
#include "client/lease_watch.h"

namespace lockkeeper::cli::run {
namespace {

using namespace std::chrono_literals;
using What = Ending::What;

constexpr Time t0{1000s};

// What is done, and when, by somebody who sleeps exactly as long as told; until `end`.
std::vector<std::pair<What, milliseconds>> story(Ending& ending, Time now, Time end) {
  std::vector<std::pair<What, milliseconds>> told;
  while (now < end) {
    const Ending::Step step = ending.next(now);
    if (step.what == What::sleep) {
      EXPECT_GT(step.until, now) << "it would spin";
      now = step.until;
      continue;
    }
    told.emplace_back(step.what, std::chrono::duration_cast<milliseconds>(now - t0));
  }
  return told;
}

using Story = std::vector<std::pair<What, milliseconds>>;

TEST(Spans, TermAndKillComeBeforeTheLeasesEndAndLeaveTimeToRenewIt) {
  const Spans usual = spans_of(30s, 10s);
  EXPECT_EQ(usual.grace, 10s);
  EXPECT_EQ(usual.margin, 3s) << "a tenth of the ttl";
  EXPECT_EQ(spans_of(9s, 10s).grace, 3s) << "a third of the ttl at most";
  EXPECT_EQ(spans_of(4s, 10s).margin, 500ms) << "half a second at least";
  EXPECT_EQ(spans_of(600ms, 10s).margin, 100ms) << "and a sixth of the ttl at most";
  EXPECT_EQ(spans_of(30s, 0s).grace, 0s);
  for (const milliseconds ttl : {100ms, 600ms, 3000ms, 30'000ms, 3'600'000ms}) {
    const Spans spans = spans_of(ttl, 10min);
    EXPECT_LE(spans.grace + spans.margin, ttl / 2) << ttl.count();
    EXPECT_GT(spans.margin, 0ms);
  }
}

// The front hands LeaseWatch's lost_at() on as the time of TERM.
TEST(Spans, KillIsTheMarginBeforeTheEndOfALeaseThatIsCountedFromBeforeItsRequest) {
  const Spans spans = spans_of(30s, 10s);
  const Time asked = t0, answered = t0 + 4s;
  client::LeaseWatch lease({.ttl = 30s, .margin = spans.grace + spans.margin}, asked, answered);
  Ending ending(spans.grace);
  ending.put_off(lease.lost_at());
  EXPECT_EQ(ending.kill_at(), asked + 30s - 3s);
  lease.renewed(t0 + 10s, t0 + 14s, 30s);
  ending.put_off(lease.lost_at());
  EXPECT_EQ(ending.kill_at(), t0 + 10s + 30s - 3s);
}

TEST(Ending, NothingHappensAsLongAsTheLeaseIsPutOff) {
  Ending ending(10s);
  for (Time now = t0; now < t0 + 1h; now += 5s) {
    ending.put_off(now + 17s);
    const Ending::Step step = ending.next(now);
    EXPECT_EQ(step.what, What::sleep);
    EXPECT_EQ(step.until, now + 17s);
  }
  EXPECT_FALSE(ending.begun());
}

TEST(Ending, TermOnceThenKillUntilAllIsDead) {
  Ending ending(10s);
  ending.put_off(t0 + 17s);
  EXPECT_EQ(story(ending, t0, t0 + 27s + 25ms),
            (Story{{What::term, 17s}, {What::kill, 27s}, {What::kill, 27s + 10ms}, {What::kill, 27s + 20ms}}));
  EXPECT_TRUE(ending.by_lease());
}

TEST(Ending, WhatHasBegunForTheLeasesSakeIsNotPutOffAnyMore) {
  Ending ending(10s);
  ending.put_off(t0 + 17s);
  EXPECT_EQ(ending.next(t0 + 17s).what, What::term);
  ending.put_off(t0 + 40s);
  EXPECT_EQ(ending.next(t0 + 18s).until, t0 + 27s);
  EXPECT_EQ(ending.next(t0 + 27s).what, What::kill);
}

TEST(Ending, WhoWakesAfterTheTimeToKillDoesNothingElseFirst) {
  Ending ending(10s);
  ending.put_off(t0 + 17s);
  EXPECT_EQ(ending.next(t0).what, What::sleep);
  EXPECT_EQ(ending.next(t0 + 8h).what, What::kill);
}

TEST(Ending, WhatIsToldToEndHasTheGraceThatItIsGiven) {
  Ending ending(10s);
  ending.put_off(t0 + 17s);
  ending.begin(t0 + 5s, 1s);
  EXPECT_EQ(story(ending, t0 + 5s, t0 + 6s + 5ms), (Story{{What::term, 5s}, {What::kill, 6s}}));
  EXPECT_FALSE(ending.by_lease());
}

TEST(Ending, WhatTheCommandLeftMayTakeItsTimeWhileTheLeaseIsRenewedAndNoLonger) {
  Ending renewed(10s);
  renewed.put_off(t0 + 17s);
  renewed.begin(t0 + 15s, 10s);
  EXPECT_EQ(renewed.next(t0 + 15s).what, What::term);
  renewed.put_off(t0 + 30s);
  EXPECT_EQ(renewed.kill_at(), t0 + 25s);

  Ending cut(10s);
  cut.put_off(t0 + 17s);
  cut.begin(t0 + 26s - 10s, 30s);
  EXPECT_EQ(cut.next(t0 + 16s).what, What::term);
  EXPECT_EQ(cut.next(t0 + 17s).what, What::sleep) << "TERM is sent once";
  EXPECT_TRUE(cut.by_lease());
  EXPECT_EQ(cut.kill_at(), t0 + 27s);
}

TEST(Ending, WithoutALeasesEndItWaitsForEver) {
  Ending ending(10s);
  EXPECT_EQ(ending.next(t0).until, Time::max());
  EXPECT_EQ(ending.kill_at(), Time::max());
}

}  // namespace
}  // namespace lockkeeper::cli::run
