#include <gtest/gtest.h>

#include "wire/time_text.h"

namespace lockkeeper::wire {
namespace {

using namespace std::chrono_literals;
using locks::WallTime;

TEST(TimeText, IsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(time_text(WallTime(0ms)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time_text(WallTime(1'795'251'900'007ms)), "2026-11-21T09:05:00.007Z");
  EXPECT_EQ(time_text(WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, StaysWithinFourDigitsOfYear) {
  EXPECT_EQ(time_text(WallTime::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(time_text(WallTime::min()), "0000-01-01T00:00:00.000Z");
}

TEST(TimeText, ComesBackAsItWas) {
  for (const auto time :
       {0ms, 951'782'400'000ms, 1'709'164'800'001ms, -62'135'596'800'000ms, 253'402'300'799'999ms}) {
    EXPECT_EQ(parse_time(time_text(WallTime(time))), WallTime(time)) << time.count();
  }
}

TEST(TimeParser, ReadsZonesAndFractionsOfAnyLength) {
  const auto nine = parse_time("2026-11-21T09:00:00Z");
  ASSERT_TRUE(nine);
  EXPECT_EQ(parse_time("2026-11-21t10:30:00+01:30"), *nine);
  EXPECT_EQ(parse_time("2026-11-20T23:00:00-10:00"), *nine);
  EXPECT_EQ(parse_time("2026-11-21T09:00:00.5z"), *nine + 500ms);
  EXPECT_EQ(parse_time("2026-11-21T09:00:00.0079999999999Z"), *nine + 7ms);
  EXPECT_EQ(parse_time("2026-11-21T08:59:60Z"), *nine);
}

TEST(TimeParser, RefusesEverythingElse) {
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T09:00:00", "2026-11-21 09:00:00Z", "2026-13-21T09:00:00Z",
        "2026-02-29T09:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z", "2026-11-21T09:00:61Z",
        "2026-11-21T09:00:00.Z", "2026-11-21T09:00:00Zx", "2026-11-21T09:00:00+25:00", "2026-11-21T09:00:00+01",
        "-026-11-21T09:00:00Z", "2026-1-21T09:00:00Z", "now"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace lockkeeper::wire
