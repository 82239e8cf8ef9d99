// Durations as Go reads them; those of the recorded cases ttl-valid, ttl-huge and ttl-invalid-means-default are
// here.
#include "server/doors/go_duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

TEST(GoDuration, IsNumbersWithUnits) {
  const std::pair<const char*, std::chrono::nanoseconds> table[] = {
      {"10s", 10s},
      {"1m30s", 90s},
      {"1h2m3s", 3723s},
      {"2.9s", 2900ms},
      {"4500ms", 4500ms},
      {"3000000us", 3s},
      {"3000000\u00b5s", 3s},
      {"3000000\u03bcs", 3s},
      {"5000000000ns", 5s},
      {"+7s", 7s},
      {"-7s", -7s},
      {".5m", 30s},
      {"5.s", 5s},
      {"1.5h", 90min},
      {"8s0ms", 8s},
      {"007s", 7s},
      {"5s5s", 10s},
      {"1h1ns", 1h + 1ns},
      {"0", 0s},
      {"+0", 0s},
      {"-0", 0s},
      {"0s", 0s},
      {"0.1s", 100ms},
      {"0.000000001s", 1ns},
      {"0.0000000001s", 0ns},
      {"0.100000000000000000000000000000000001s", 100ms},
      {"999999h", 999999h},
      {"9223372036854775807ns", std::chrono::nanoseconds::max()},
      {"-9223372036854775808ns", std::chrono::nanoseconds::min()},
      {"2562047h47m16.854775807s", std::chrono::nanoseconds::max()},
  };
  for (const auto& [text, duration] : table) {
    const auto parsed = parse_go_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->count(), duration.count()) << text;
  }
}

TEST(GoDuration, IsNothingElse) {
  for (const char* text :
       {"",         "10",   "30",   "abc",  "60 s",   "5S",     "1d",    "1w",    "1e3s",  "1,5s",
        "s",        "-",    "+",    ".s",   ".",      "1m 30s", "0x10s", "60sec", "1h-5s", "PT60S",
        "infinity", "60s;", "--5s", "+-5s", "1.2.3s", "00",     "1s2",   " 5s",   "5s ",   "\u00b5s"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

TEST(GoDuration, FitsInto64Bits) {
  for (const char* text :
       {"9223372036854775808ns", "-9223372036854775809ns", "2562048h", "2562047h47m16.854775808s",
        "99999999999999999999s", "18446744073709551616ns", "9223372036854775807ns1ns", "9223372036854775807h"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

}  // namespace
}  // namespace lockkeeper::server
