#include <gtest/gtest.h>

#include <sstream>

#include "resource/build_log.h"

namespace lockkeeper::resource {
namespace {

using namespace std::chrono_literals;

constexpr locks::WallTime kTwoMinutesPastTwo{std::chrono::milliseconds(1'795'269'720'000)};  // 2026-11-21T14:02:00Z

wire::HoldView hold(const std::string& holder, const std::string& url = "") {
  wire::HoldView view;
  view.holder = holder;
  view.count = 1;
  view.since = kTwoMinutesPastTwo;
  if (!url.empty()) view.metadata = {{"url", url}};
  return view;
}

TEST(BuildLog, SaysWhoHoldsSinceWhenAndWhere) {
  EXPECT_EQ(holder_text(hold("main/deploy/job #12", "https://ci/builds/7"), kTwoMinutesPastTwo + 190s),
            "main/deploy/job #12 (https://ci/builds/7) since 14:02Z (3m10s)");
  EXPECT_EQ(holder_text(hold("curl"), kTwoMinutesPastTwo + 24h), "curl since 2026-11-21 14:02Z (1d)");
  EXPECT_EQ(holder_text(hold("curl"), kTwoMinutesPastTwo - 5s), "curl since 14:02Z (0s)") << "clocks differ";
}

TEST(BuildLog, AnOriginalServerDoesNotKnowSinceWhen) {
  wire::HoldView view;
  view.holder = "a";
  view.count = 2;
  EXPECT_EQ(holder_text(view, kTwoMinutesPastTwo), "a (2 times)");
}

TEST(BuildLog, CountsTheOthers) {
  EXPECT_EQ(holders_text({}, kTwoMinutesPastTwo), "nobody");
  EXPECT_EQ(holders_text({hold("a"), hold("b"), hold("c")}, kTwoMinutesPastTwo), "a since 14:02Z (0s) and 2 more");
}

TEST(BuildLog, SaysWhichPlaceAndWhoIsBefore) {
  wire::QueuedView queued;
  queued.position = queued.waiters = 1;
  EXPECT_EQ(place_text(queued), "next in the queue");
  queued.waiters = 3;
  EXPECT_EQ(place_text(queued), "next of 3 in the queue");
  queued.position = 2;
  queued.ahead = {hold("a")};
  EXPECT_EQ(place_text(queued), "place 2 of 3 in the queue, behind a");
  queued.position = 3;
  queued.ahead = {hold("a"), hold("b")};
  queued.estimate = 400s;
  EXPECT_EQ(place_text(queued), "place 3 of 3 in the queue, behind a and b; about 6m40s to go");
  queued.position = queued.waiters = 90;
  queued.ahead = std::vector(10, hold("a"));
  queued.estimate.reset();
  EXPECT_EQ(place_text(queued), "place 90 of 90 in the queue, behind a, a, a and 86 more");
}

TEST(BuildLog, SaysOnlyWhatTheLevelLetsThroughAndNoControlCharacters) {
  std::ostringstream stream;
  BuildLog log(stream, LogLevel::warn);
  log.info("not said");
  log.warn("a\rb\x1b[31m");
  log.error("no");
  EXPECT_EQ(stream.str(), "warning: a?b?[31m\nerror: no\n");
}

TEST(Reminder, ComesAfterOneTwoFourEightMinutesAndEveryTen) {
  const std::chrono::steady_clock::time_point begin{};
  Reminder reminder(begin);
  std::vector<std::chrono::minutes> said;
  for (int i = 0; i < 7; ++i) {
    said.push_back(std::chrono::duration_cast<std::chrono::minutes>(reminder.due() - begin));
    reminder.said(reminder.due());
  }
  EXPECT_EQ(said, (std::vector<std::chrono::minutes>{1min, 2min, 4min, 8min, 18min, 28min, 38min}));
}

TEST(Reminder, WhatWasMissedIsNotSaidTwice) {
  const std::chrono::steady_clock::time_point begin{};
  Reminder reminder(begin);
  reminder.said(begin + 5min);
  EXPECT_EQ(reminder.due(), begin + 8min);
}

}  // namespace
}  // namespace lockkeeper::resource
