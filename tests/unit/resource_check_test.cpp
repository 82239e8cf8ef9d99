#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "check/check_verb.h"
#include "in/in_verb.h"
#include "out/out_verb.h"
#include "tests/support/resource_stage.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper {
namespace {

using namespace std::chrono_literals;
using support::ResourceStage;
using support::VerbRun;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class CheckTest : public testing::Test {
 protected:
  std::string check(const std::string& version = "", const std::string& source = "") {
    const std::string given = version.empty() ? "" : R"(,"version":)" + version;
    run = stage.run(check::run,
                    R"({"source":{"locker_uri":"http://locks","lock_name":"prod")" + source + "}" + given + "}");
    EXPECT_EQ(run.code, 0) << run.log;
    return run.output;
  }
  static std::string revision(int version) { return R"({"revision":")" + std::to_string(version) + R"("})"; }

  ResourceStage stage;
  support::FakeServer& server = stage.server;
  VerbRun run;
};

TEST_F(CheckTest, ALockNothingEverHappenedToHasNoVersion) {
  EXPECT_EQ(check(), "[]\n");
}

TEST_F(CheckTest, WithoutAVersionTheNewestAlone) {
  server.hold("prod", "k", "a");
  server.free("prod");
  server.hold("prod", "k", "b");
  EXPECT_EQ(check(), "[{\"revision\":\"3\"}]\n");
  EXPECT_THAT(server.calls, testing::ElementsAre("history"));
}

TEST_F(CheckTest, WithAVersionItAndWhatCameAfterOldestFirst) {
  for (int i = 0; i < 3; ++i) server.hold("prod", "k", "a");
  EXPECT_EQ(check(revision(2)), "[{\"revision\":\"2\"},{\"revision\":\"3\"}]\n");
  EXPECT_EQ(check(revision(3)), "[{\"revision\":\"3\"}]\n");
}

TEST_F(CheckTest, AtMostAHundredTheOldestOfThemFirst) {
  for (int i = 0; i < 350; ++i) server.hold("prod", "k", "a");
  const std::string answer = check(revision(1));
  EXPECT_THAT(answer, StartsWith("[{\"revision\":\"1\"},{\"revision\":\"2\"}"));
  EXPECT_THAT(answer, testing::EndsWith("{\"revision\":\"100\"}]\n"));
}

TEST_F(CheckTest, AnUnknownVersionGivesTheCurrentOne) {
  for (int i = 0; i < 3; ++i) server.hold("prod", "k", "a");
  for (const std::string version : {R"({"revision":"99"})", R"({"revision":"0"})", R"({"ref":"da39"})",
                                    R"({"revision":"sha256:00"})", R"({"lock":"prod"})"}) {
    EXPECT_EQ(check(version), "[{\"revision\":\"3\"}]\n") << version;
  }
}

TEST_F(CheckTest, AForgottenVersionGivesTheCurrentOne) {
  for (int i = 0; i < 5; ++i) server.hold("prod", "k", "a");
  server.events["prod"].erase(server.events["prod"].begin(), server.events["prod"].begin() + 3);
  EXPECT_EQ(check(revision(2)), "[{\"revision\":\"5\"}]\n");
  EXPECT_EQ(check(revision(3)), "[{\"revision\":\"3\"},{\"revision\":\"4\"},{\"revision\":\"5\"}]\n")
      << "nothing is missing";
}

TEST_F(CheckTest, WhereAllHistoryIsForgottenTheGrantThatStandsIsTheVersion) {
  for (int i = 0; i < 3; ++i) server.hold("prod", "k", "a", "claim-" + std::to_string(i));
  server.events["prod"].clear();
  EXPECT_EQ(check(), "[{\"revision\":\"3\"}]\n");
  EXPECT_EQ(check(revision(2)), "[{\"revision\":\"3\"}]\n") << "what came after it is not known";
  EXPECT_EQ(check(revision(3)), "[{\"revision\":\"3\"}]\n");
  const std::string unlocked = R"(,"trigger_on":"unlocked")";
  EXPECT_EQ(check("", unlocked), "[]\n") << "it is held";
  server.decide("prod", {"", {}, locks::Release{.key = "k", .holder = "b", .claim = "none"}});
  EXPECT_EQ(check(), "[{\"revision\":\"3\"}]\n") << "a withdrawal is no version";
  server.free("prod");
  server.events["prod"].clear();
  EXPECT_EQ(check(), "[]\n") << "nobody knows any more that there was something";
  EXPECT_EQ(check(revision(2)), "[]\n");
  EXPECT_EQ(check(revision(2), unlocked), "[]\n");
  EXPECT_EQ(check(revision(5), unlocked), "[{\"revision\":\"5\"}]\n");
}

TEST_F(CheckTest, ALockThatNeverStandsStillIsNotReadForEver) {
  server.hold("prod", "k", "a");
  server.on_call = [&](const std::string& call) {
    if (call == "lock") server.hold("prod", "k", "a");
  };
  EXPECT_EQ(check(revision(1), R"(,"trigger_on":"unlocked")"), "[{\"revision\":\"1\"}]\n");
  EXPECT_LT(server.calls.size(), 30U);
}

TEST_F(CheckTest, AServerThatIsSlowEachTimeIsGivenUpToo) {
  for (int i = 0; i < 9000; ++i) server.hold("prod", "k", "a");
  server.on_call = [&](const std::string&) { stage.world.passed += 2s; };
  const VerbRun slow = stage.run(
      check::run, R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"version":{"revision":"1"}})");
  EXPECT_EQ(slow.code, 1);
  EXPECT_EQ(stage.world.passed, 30s);
  EXPECT_THAT(slow.log, HasSubstr("answers too slowly (gave up after 30s)"));
}

TEST_F(CheckTest, APutsOwnVersionStaysThoughItIsNoneOfTheReportedOnes) {
  stage.run(out::run,
            R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"params":{"lock_op":"unlock"}})");
  EXPECT_EQ(check(revision(1)), "[{\"revision\":\"1\"}]\n");
  EXPECT_EQ(check(), "[]\n");
}

TEST_F(CheckTest, TriggerOnUnlockedTellsOnlyWhatLeftTheLockFree) {
  const std::string unlocked = R"(,"trigger_on":"unlocked")";
  server.hold("prod", "k", "a");
  EXPECT_EQ(check("", unlocked), "[]\n");
  server.free("prod");
  EXPECT_EQ(check("", unlocked), "[{\"revision\":\"2\"}]\n");
  server.hold("prod", "k", "a");
  server.hold("prod", "k", "a");
  server.decide("prod", {"", {}, locks::Release{.key = "k", .holder = "a"}});
  EXPECT_EQ(check(revision(2), unlocked), "[{\"revision\":\"2\"}]\n") << "one claim is left";
  server.decide("prod", {"", {}, locks::Release{.key = "k", .holder = "a"}});
  EXPECT_EQ(check(revision(2), unlocked), "[{\"revision\":\"2\"},{\"revision\":\"6\"}]\n");
}

TEST_F(CheckTest, VersionsStableAsksNobody) {
  EXPECT_EQ(check("", R"(,"versions":"stable")"), "[{\"lock\":\"prod\"}]\n");
  EXPECT_TRUE(server.calls.empty());
}

TEST_F(CheckTest, AnOriginalServerGivesADigestOfThisLockAlone) {
  server.kind_of = client::ServerKind::original;
  server.on_call = [&](const std::string& call) {
    if (call == "history") throw client::ServerError(404, "404 page not found", std::nullopt);
  };
  const std::string free = check();
  EXPECT_THAT(free, HasSubstr("{\"revision\":\"sha256:"));
  server.hold("other", "k", "a");
  EXPECT_EQ(check(), free);
  server.hold("prod", "k", "a");
  EXPECT_NE(check(revision(7)), free);
}

TEST_F(CheckTest, GivesUpAfterThirtySeconds) {
  for (int i = 0; i < 1000; ++i) {
    server.faults.push_back({[] { throw http::HttpError(http::HttpError::Kind::connect, "refused"); }});
  }
  const VerbRun failed = stage.run(check::run, R"({"source":{"locker_uri":"http://locks","lock_name":"prod"}})");
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(stage.world.passed, 30s);
}

class InTest : public testing::Test {
 protected:
  VerbRun get(const std::string& version, const std::string& params = "{}") {
    return stage.run(in::run,
                     R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"version":)" + version +
                         R"(,"params":)" + params + "}",
                     {folder / ""});
  }
  VerbRun put(const std::string& params) {
    return stage.run(out::run,
                     R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"params":)" + params + "}");
  }
  bool there(const std::string& name) const { return std::filesystem::exists(folder / name); }
  std::string file(const std::string& name) const {
    std::ifstream stream(folder / name);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  ResourceStage stage;
  support::FakeServer& server = stage.server;
  support::TemporaryFolder folder;
};

TEST_F(InTest, WritesOneFileAFieldOfTheClaimThatStands) {
  put("{}");
  const std::size_t before = server.events["prod"].size();
  const VerbRun run = get(R"({"revision":"1"})");
  EXPECT_EQ(run.code, 0) << run.log;
  EXPECT_EQ(file("lock"), "prod");
  EXPECT_EQ(file("lock_by"), "main/web/deploy #12");
  EXPECT_EQ(file("claim"), server.records["prod"].claims.front().name);
  EXPECT_EQ(file("token"), "1");
  EXPECT_EQ(file("revision"), "1");
  EXPECT_EQ(file("key"), "https://ci.example.com build 4711");
  EXPECT_THAT(file("lock.json"), testing::AllOf(HasSubstr(R"("lock":"prod","revision":"1")"),
                                                HasSubstr(R"("stands":true)"), Not(HasSubstr("build 4711"))));
  EXPECT_THAT(run.output, HasSubstr(R"({"version":{"revision":"1"},"metadata":[{"name":"lock","value":"prod"})"));
  EXPECT_EQ(server.events["prod"].size(), before) << "a get changes nothing";
}

TEST_F(InTest, MetadataIsThatOfThePut) {
  server.hold("prod", "k", "a");
  stage.world.on_sleep = [&] {
    if (stage.world.sleeps == 2) server.free("prod");
  };
  const VerbRun lock = put("{}");
  EXPECT_THAT(lock.output, HasSubstr("{\"name\":\"waited\",\"value\":\"2s\"}"));
  EXPECT_EQ(lock.output, get(R"({"revision":"4"})").output);
}

TEST_F(InTest, MetadataOfAPutWithATtlIsTheSameToo) {
  const VerbRun lock = put(R"({"ttl":"1h30m"})");
  EXPECT_THAT(lock.output, HasSubstr("{\"name\":\"ttl\",\"value\":\"1h30m\"}"));
  EXPECT_EQ(lock.output, get(R"({"revision":"1"})").output);
}

TEST_F(InTest, WhatWasWaitedBeforeTheQueueCountsToo) {
  server.hold("prod", "k", "a");
  for (int i = 0; i < 2; ++i)
    server.faults.push_back({[] { throw http::HttpError(http::HttpError::Kind::connect, "no"); }});
  stage.world.on_sleep = [&] {
    if (stage.world.sleeps == 2 + 4) server.free("prod");
  };
  const VerbRun lock = put("{}");
  EXPECT_THAT(lock.output, HasSubstr("{\"name\":\"waited\",\"value\":\"6s\"}")) << lock.log;
  EXPECT_EQ(lock.output, get(R"({"revision":"4"})").output);
}

TEST_F(InTest, MetadataOfAPutThatDidNotWaitIsTheSameToo) {
  const VerbRun lock = put("{}");
  EXPECT_EQ(lock.output, get(R"({"revision":"1"})").output);
  const VerbRun unlock = put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(unlock.output, get(R"({"revision":"2"})").output);
}

TEST_F(InTest, AnotherBuildsGetKnowsTheKeyOfABuildThatWasGivenNone) {
  put("{}");
  stage.environment["BUILD_ID"] = "5000";
  get(R"({"revision":"1"})");
  EXPECT_EQ(file("key"), "https://ci.example.com build 4711");
}

TEST_F(InTest, AGivenKeyIsWrittenOnlyIfItIsTheClaims) {
  put(R"({"key":"k","lock_by":"deployer"})");
  get(R"({"revision":"1"})");
  EXPECT_FALSE(there("key"));
  get(R"({"revision":"1"})", R"({"key":"other"})");
  EXPECT_FALSE(there("key"));
  get(R"({"revision":"1"})", R"({"key":"k"})");
  EXPECT_EQ(file("key"), "k");
}

TEST_F(InTest, SucceedsWhenTheLockHasMovedOnButWithoutTheKey) {
  put("{}");
  put(R"({"lock_op":"unlock"})");
  const VerbRun run = get(R"({"revision":"1"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, HasSubstr("prod has moved on since: it is free"));
  EXPECT_EQ(file("lock_by"), "main/web/deploy #12");
  EXPECT_EQ(file("token"), "1");
  EXPECT_FALSE(there("key"));
  EXPECT_THAT(file("lock.json"), HasSubstr(R"("stands":false)"));
}

TEST_F(InTest, AnEarlierHoldOfTheSameBuildIsNotTheOneThatStands) {
  put("{}");
  put(R"({"lock_op":"unlock"})");
  put(R"({"metadata":{"round":"two"}})");
  for (const std::string version : {"1", "2"}) {
    const VerbRun run = get(R"({"revision":")" + version + "\"}");
    EXPECT_EQ(run.code, 0) << version;
    EXPECT_FALSE(there("key")) << version;
    EXPECT_THAT(file("lock.json"), HasSubstr(R"("stands":false)")) << version;
    EXPECT_EQ(file("token"), "1") << version;
    EXPECT_THAT(run.output, Not(HasSubstr("waited"))) << version;
  }
  get(R"({"revision":"3"})");
  EXPECT_TRUE(there("key"));
}

TEST_F(InTest, AHoldThatWasTakenOverIsTheSameHold) {
  put("{}");
  server.hold("prod", "https://ci.example.com build 4711", "somebody else");
  put("{}");
  for (const std::string version : {"1", "3"}) {
    get(R"({"revision":")" + version + "\"}");
    EXPECT_TRUE(there("key")) << version;
    std::filesystem::remove(folder / "key");
  }
}

TEST_F(InTest, VersionsThatAreNotOursGetTheLocksStateNow) {
  server.hold("prod", "k", "a");
  for (const std::string version : {R"({"ref":"da39"})", R"({"lock":"prod"})", R"({"revision":"99"})"}) {
    const VerbRun run = get(version);
    EXPECT_EQ(run.code, 0) << version;
    EXPECT_THAT(run.output, HasSubstr("{\"version\":" + version));
    EXPECT_EQ(file("lock_by"), "a");
    EXPECT_FALSE(there("claim"));
  }
}

TEST_F(InTest, SkipDownloadWritesNothingAndNeedsNoServer) {
  put("{}");
  EXPECT_THAT(get(R"({"revision":"1"})", R"({"skip_download":true})").output, HasSubstr(R"("value":"held")"));
  EXPECT_FALSE(there("lock"));
  server.faults = {{[] { throw http::HttpError(http::HttpError::Kind::connect, "refused"); }}};
  const VerbRun run = get(R"({"revision":"1"})", R"({"skip_download":true})");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.output, HasSubstr(R"({"version":{"revision":"1"},"metadata":[{"name":"lock","value":"prod"})"));
}

TEST_F(InTest, AFolderThatCannotBeWrittenToFails) {
  put("{}");
  const VerbRun run = stage.run(
      in::run, R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"version":{"revision":"1"}})",
      {folder / "nowhere"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.log, HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace lockkeeper
