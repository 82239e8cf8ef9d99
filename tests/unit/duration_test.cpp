#include "locks/duration.h"

#include <gtest/gtest.h>

#include <string>

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds parsed(const std::string& text) {
  const auto result = parse_duration(text);
  const auto* duration = std::get_if<std::chrono::milliseconds>(&result);
  EXPECT_NE(duration, nullptr) << text;
  return duration != nullptr ? *duration : -1ms;
}

std::string fault(const std::string& text) {
  const auto result = parse_duration(text);
  const auto* fault = std::get_if<DurationFault>(&result);
  return fault != nullptr ? fault->text : "";
}

TEST(Duration, IsReadInGosStyle) {
  EXPECT_EQ(parsed("90s"), 90s);
  EXPECT_EQ(parsed("1h30m"), 90min);
  EXPECT_EQ(parsed("1.5h"), 90min);
  EXPECT_EQ(parsed("500ms"), 500ms);
  EXPECT_EQ(parsed("+7s"), 7s);
  EXPECT_EQ(parsed("1500us"), 1ms);
  EXPECT_EQ(parsed("2000\u00b5s"), 2ms);
  EXPECT_EQ(parsed("0s"), 0ms);
}

TEST(Duration, IsReadInIsoStyle) {
  EXPECT_EQ(parsed("PT1M30S"), 90s);
  EXPECT_EQ(parsed("P1DT2H"), 26h);
  EXPECT_EQ(parsed("P2W"), 336h);
  EXPECT_EQ(parsed("PT0.5S"), 500ms);
}

TEST(Duration, WithoutAUnitIsRefusedWithAHint) {
  EXPECT_EQ(fault("10"), "10 has no unit: write \"10s\" for seconds or \"10m\" for minutes");
  EXPECT_NE(fault("0"), "");
  EXPECT_NE(fault("1h30"), "");
}

TEST(Duration, ThatIsGarbageIsRefused) {
  for (const char* text : {"", "s", "1d", "1 s", "-1s", "1.2.3s", "P", "PT", "P1M", "P1Y", "PT1S1M", "PT1H1H",
                           "1hh", "\xff", "1s ", "9999999999999h", "1e3s", "."}) {
    EXPECT_NE(fault(text), "") << text;
  }
}

TEST(Duration, IsShownByItsTwoLargestUnits) {
  EXPECT_EQ(format_duration(250ms), "250ms");
  EXPECT_EQ(format_duration(3min + 10s), "3m10s");
  EXPECT_EQ(format_duration(1h), "1h");
  EXPECT_EQ(format_duration(25h + 59s), "1d1h");
  EXPECT_EQ(format_duration(1h + 59s), "1h");
  EXPECT_EQ(format_duration(-5s), "0ms");
}

}  // namespace
}  // namespace lockkeeper::locks
