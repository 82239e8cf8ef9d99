#include <gtest/gtest.h>

#include <sstream>

#include "resource/answer.h"
#include "resource/ends.h"
#include "resource/revision.h"

namespace lockkeeper::resource {
namespace {

using locks::What;

locks::Event event(locks::Version version, What what, locks::Version token = 0) {
  locks::Event line;
  line.version = version;
  line.what = what;
  line.token = token;
  return line;
}

TEST(Answer, IsOneJsonObjectOfTexts) {
  std::ostringstream out;
  write_answer(out, {{"revision", "12"}}, {{"lock", "a\"b"}, {"since", ""}, {"count", "1"}});
  EXPECT_EQ(out.str(),
            "{\"version\":{\"revision\":\"12\"},\"metadata\":[{\"name\":\"lock\",\"value\":\"a\\\"b\"},"
            "{\"name\":\"count\",\"value\":\"1\"}]}\n");
}

TEST(Answer, ChecksListIsOldestFirst) {
  std::ostringstream out;
  write_versions(out, {{{"revision", "1"}}, {{"revision", "2"}}});
  EXPECT_EQ(out.str(), "[{\"revision\":\"1\"},{\"revision\":\"2\"}]\n");
  std::ostringstream none;
  write_versions(none, {});
  EXPECT_EQ(none.str(), "[]\n");
}

TEST(Answer, AStdoutThatTakesNothingIsAFailure) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(write_answer(out, {{"revision", "1"}}, {}), StepFailed);
}

TEST(Answer, MetadataShowsTheLocksState) {
  wire::HoldView a;
  a.holder = "a";
  a.count = 2;
  a.since = locks::WallTime{std::chrono::milliseconds(1'795'269'720'000)};
  wire::HoldView b;
  b.holder = "b";
  b.count = 1;
  EXPECT_EQ(metadata({"prod", {a, b}, "3m10s", "http://locks", std::chrono::minutes(90)}),
            (Pairs{{"lock", "prod"},
                   {"state", "held"},
                   {"holders", "a (2), b"},
                   {"count", "3"},
                   {"since", "2026-11-21T14:02:00.000Z"},
                   {"ttl", "1h30m"},
                   {"waited", "3m10s"},
                   {"server", "http://locks"}}));
  EXPECT_EQ(metadata({"prod", {}, "", "http://locks"})[1].second, "free");
}

TEST(Answer, DigestOfAnOriginalsLockIsItsStateAlone) {
  wire::HoldView a;
  a.holder = "a";
  a.count = 1;
  wire::HoldView b = a;
  b.holder = "b";
  EXPECT_EQ(digest("prod", {a, b}), digest("prod", {b, a}));
  EXPECT_NE(digest("prod", {a}), digest("prod", {}));
  EXPECT_NE(digest("prod", {}), digest("stage", {}));
  EXPECT_EQ(digest("prod", {}).substr(0, 7), "sha256:");
}

TEST(Revision, RenewalsTakeOversAndClosedNamesAreNoVersions) {
  const std::vector<locks::Event> lines = {event(1, What::acquired, 1),   event(2, What::renewed, 1),
                                           event(3, What::taken_over, 3), event(4, What::shared, 4),
                                           event(5, What::withdrawn),     event(6, What::released, 3),
                                           event(7, What::queued),        event(8, What::forced, 4)};
  EXPECT_EQ(reported_versions(lines, TriggerOn::any, false), (std::vector<locks::Version>{1, 4, 6, 8}));
}

TEST(Revision, UnlockedIsWhatLeftTheLockFree) {
  const std::vector<locks::Event> lines = {event(1, What::acquired, 1), event(2, What::shared, 2),
                                           event(3, What::released, 1), event(4, What::released, 2),
                                           event(5, What::acquired, 5), event(6, What::lapsed, 5),
                                           event(7, What::acquired, 7), event(8, What::forced, 7),
                                           event(9, What::acquired, 9), event(10, What::released, 9)};
  EXPECT_EQ(reported_versions(lines, TriggerOn::unlocked, false), (std::vector<locks::Version>{4, 6, 8, 10}));
  EXPECT_EQ(reported_versions(lines, TriggerOn::unlocked, true), (std::vector<locks::Version>{4, 6, 8}));
}

TEST(Revision, AClaimThatWasGivenBackCountsAsReleased) {
  const std::vector<locks::Event> lines = {event(1, What::acquired, 1), event(2, What::withdrawn, 1)};
  EXPECT_EQ(reported_versions(lines, TriggerOn::unlocked, false), (std::vector<locks::Version>{2}));
}

}  // namespace
}  // namespace lockkeeper::resource
