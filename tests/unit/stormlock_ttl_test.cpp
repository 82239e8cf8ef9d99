#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/stormlock/ttl.h"

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::seconds;

// 0: refused.
seconds read(std::string_view text) {
  const auto parsed = parse_ttl(text);
  if (const auto* fault = std::get_if<TtlFault>(&parsed)) {
    EXPECT_TRUE(fault->text.starts_with('"' + std::string(text) + '"')) << fault->text;
    return seconds(0);
  }
  return std::get<seconds>(parsed);
}

TEST(StormlockTtl, AUnitIsAnyBeginningOfItsName) {
  for (const char* text : {"1d", "1 d", "1da", "1 day", "1days", "1  days", "0000000001d"})
    EXPECT_EQ(read(text), seconds(86400)) << text;
  for (const char* text : {"2h", "2 ho", "2hour", "2 hours"}) EXPECT_EQ(read(text), seconds(7200)) << text;
  for (const char* text : {"30m", "30mi", "30 min", "30 minutes"}) EXPECT_EQ(read(text), seconds(1800)) << text;
  for (const char* text : {"7s", "007s", "7 se", "7sec", "7 seconds"}) EXPECT_EQ(read(text), seconds(7)) << text;
}

TEST(StormlockTtl, WhatIsNoBeginningOfAUnitIsRefused) {
  const std::vector<std::string> texts = {"1 mins", "1 secs", "1hr", "1w",  "1 ms", "1 dayss", "1 ours", "1D",
                                          "1 Day",  "10",     "",    "   ", "d",    "one day", "1 %d"};
  for (const auto& text : texts) EXPECT_EQ(read(text), seconds(0)) << text;
}

TEST(StormlockTtl, NothingStandsBeforeOrAfter) {
  const std::vector<std::string> texts = {
      " 1 day", "1 day ",        "1 day\n", "1\tday", "-1s", "+1s",    "1.5h",      "1e3s",         "1_000s",
      "1h30m",  "1 day 2 hours", "PT1H",    "1:30",   "1d,", "\"1d\"", "1 day # c", "1 d\xd0\xb0y", "\xd9\xa1 day"};
  for (const auto& text : texts) EXPECT_EQ(read(text), seconds(0)) << text;
}

TEST(StormlockTtl, AUnitWithoutANumberIsToldTheForm) {
  EXPECT_TRUE(std::get<TtlFault>(parse_ttl("days")).text.starts_with("\"days\" is no time: write a whole number"));
}

TEST(StormlockTtl, NoTimeIsNoLease) {
  for (const char* text : {"0s", "00s", "0 days"}) EXPECT_EQ(read(text), seconds(0)) << text;
}

TEST(StormlockTtl, ItEndsWhereTheOriginalsDurationsEnd) {
  EXPECT_EQ(read("999999999 days"), seconds(86399999913600));
  EXPECT_EQ(read("23999999999 h"), seconds(86399999996400));
  EXPECT_EQ(read("86399999999999 s"), seconds(86399999999999));
  for (const char* text : {"1000000000 days", "24000000000 h", "86400000000000 s", "99999999999999999999 days",
                           "18446744073709551617s"}) {
    EXPECT_EQ(read(text), seconds(0)) << text;
  }
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
