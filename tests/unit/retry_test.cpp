#include "client/retry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "client/retry_after.h"

namespace lockkeeper::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Backoff always(double random) {
  return Backoff({}, [random] { return random; });
}

TEST(Backoff, ThePausesWidestDoublesUpToTheCap) {
  Backoff backoff = always(0.999);
  for (const int widest : {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000}) {
    EXPECT_EQ(backoff.next(), milliseconds(widest * 999 / 1000));
  }
}

TEST(Backoff, StaysAtTheCapHoweverLongItTakes) {
  Backoff backoff = always(0.999);
  for (int i = 0; i < 10'000; ++i) EXPECT_LE(backoff.next(), seconds(30));
  EXPECT_EQ(backoff.next(), milliseconds(29'970));
}

TEST(Backoff, JitterIsFullAboveAFloor) {
  Backoff backoff = always(0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(backoff.next(), milliseconds(50));
  EXPECT_EQ(always(0.5).next(), milliseconds(500));
}

TEST(Backoff, AServersRetryAfterIsALowerBound) {
  Backoff backoff = always(0.5);
  EXPECT_EQ(backoff.next(seconds(45)), seconds(45));
  EXPECT_EQ(backoff.next(seconds(0)), seconds(1));
  EXPECT_EQ(backoff.next(seconds(1)), seconds(2));
}

TEST(Backoff, AResetBeginsAgain) {
  Backoff backoff = always(0.5);
  backoff.next();
  backoff.next();
  backoff.reset();
  EXPECT_EQ(backoff.next(), milliseconds(500));
}

TEST(Backoff, ACapBelowTheFirstPauseHolds) {
  Backoff backoff({.first = seconds(10), .cap = seconds(3)}, [] { return 0.999; });
  EXPECT_LE(backoff.next(), seconds(3));
  EXPECT_LE(backoff.next(), seconds(3));
}

TEST(RetryAfter, IsSecondsOrADate) {
  const std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) +
                                       std::chrono::hours(8) + std::chrono::minutes(49) + seconds(7);
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("0", now), seconds(0));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
}

TEST(RetryAfter, IsADayAtMost) {
  const std::chrono::sys_seconds now{};
  EXPECT_EQ(parse_retry_after("99999999", now), std::chrono::hours(24));
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", now), std::chrono::hours(24));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), std::chrono::hours(24));
}

TEST(RetryAfter, IsNothingWhenItDoesNotParse) {
  for (const char* text : {"", "soon", "-1", "1.5", "10s", "Sun, 06 Foo 1994 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT+1"}) {
    EXPECT_EQ(parse_retry_after(text, {}), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace lockkeeper::client
