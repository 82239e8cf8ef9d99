#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "out/out_verb.h"
#include "tests/support/resource_stage.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper {
namespace {

using namespace std::chrono_literals;
using http::HttpError;
using support::ResourceStage;
using support::VerbRun;
using testing::ElementsAre;
using testing::HasSubstr;

class UnlockStepTest : public testing::Test {
 protected:
  VerbRun put(const std::string& params, std::vector<std::string> arguments = {}) {
    return stage.run(out::run,
                     R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"params":)" + params + "}",
                     std::move(arguments));
  }
  ResourceStage stage;
  support::FakeServer& server = stage.server;
};

TEST_F(UnlockStepTest, FreesThisBuildsClaimWithOneRequest) {
  put("{}");
  server.calls.clear();
  const VerbRun run = put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(server.count("prod"), 0U);
  EXPECT_EQ(run.log, "unlocked prod: it is free\n");
  EXPECT_THAT(
      run.output,
      HasSubstr(
          R"({"version":{"revision":"2"},"metadata":[{"name":"lock","value":"prod"},{"name":"state","value":"free"})"));
  EXPECT_THAT(server.calls, ElementsAre("release_claim"));
}

TEST_F(UnlockStepTest, LeavesTheClaimsOfOtherBuildsAndSaysWhoHolds) {
  server.hold("prod", "k", "main/api/job #3", "theirs");
  for (const std::string params :
       {R"({"lock_op":"unlock"})", R"({"lock_op":"unlock","key":"k"})",
        R"({"lock_op":"unlock","key":"other","lock_by":"me"})", R"({"lock_op":"unlock","all":true})"}) {
    const VerbRun run = put(params);
    EXPECT_EQ(run.code, 0) << params << run.log;
    EXPECT_THAT(run.log, HasSubstr("holds nothing on prod: it is held by main/api/job #3 since 14:02Z")) << params;
    EXPECT_EQ(server.count("prod"), 1U) << params;
  }
}

TEST_F(UnlockStepTest, AFreeLockIsUnlockedAlready) {
  const VerbRun run = put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.log, "this build holds nothing on prod: it is free\n");
}

TEST_F(UnlockStepTest, LockUnlockLockInOneBuildWorks) {
  put("{}");
  put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(put("{}").code, 0);
  EXPECT_EQ(server.count("prod"), 1U);
}

class EarlyEndTest : public UnlockStepTest {
 protected:
  const std::string& claim() { return server.records["prod"].claims.front().name; }
};

TEST_F(EarlyEndTest, AHoldThatLapsedUnlocksWithALoudWarning) {
  put(R"({"ttl":"10m"})");
  server.lapse("prod", claim());
  server.hold("prod", "k", "somebody else");
  const VerbRun run = put(R"({"lock_op":"unlock","ttl":"10m"})");
  EXPECT_EQ(run.code, 0) << "an ensure that fails would hide what the build itself came to";
  EXPECT_THAT(run.log, testing::AllOf(HasSubstr("warning: !!!!!!!!!!"), HasSubstr("THE LOCK prod HAD LAPSED"),
                                      HasSubstr("Somebody else may have held it"), HasSubstr("longer params.ttl")));
  EXPECT_THAT(run.log, HasSubstr("it is held by somebody else"));
  EXPECT_EQ(put(R"({"lock_op":"unlock"})").log, run.log) << "however often it is asked";
  EXPECT_EQ(server.count("prod"), 1U);
}

TEST_F(EarlyEndTest, SoDoesOneThatAnOperatorTookAway) {
  put("{}");
  server.free("prod");
  const VerbRun run = put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, HasSubstr("THE LOCK prod HAD BEEN TAKEN AWAY"));
}

TEST_F(EarlyEndTest, AnUnlockInTimeOrASecondOneSaysNothingOfTheKind) {
  put(R"({"ttl":"10m"})");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(put(R"({"lock_op":"unlock"})").log, testing::Not(HasSubstr("warning")));
  }
}

TEST_F(UnlockStepTest, AnyBuildTakesTheHoldersOldestClaim) {
  server.hold("prod", "k", "deployer", "first");
  server.hold("prod", "k", "deployer", "second");
  server.hold("prod", "k", "other", "third");
  const VerbRun run = put(R"({"lock_op":"unlock","any_build":true,"key":"k","lock_by":"deployer"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(locks::find_claim(server.records["prod"], "first"), nullptr);
  EXPECT_EQ(server.count("prod"), 2U);
}

TEST_F(UnlockStepTest, AnyBuildCountsAnUnnamedClaimDownOnceThoughTheAnswerWasLost) {
  server.hold("prod", "k", "deployer");
  server.hold("prod", "k", "deployer");
  server.faults = {{}, {[] { throw HttpError(HttpError::Kind::broken, "cut"); }, true}};
  const VerbRun run = put(R"({"lock_op":"unlock","any_build":true,"key":"k","lock_by":"deployer"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(server.count("prod"), 1U);
  EXPECT_THAT(run.log, HasSubstr("unlocked prod"));
}

TEST_F(UnlockStepTest, AnyBuildWithAnotherKeyFailsAndSaysWhoHolds) {
  server.hold("prod", "k", "a");
  const VerbRun run = put(R"({"lock_op":"unlock","any_build":true,"key":"other","lock_by":"a"})");
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.log, HasSubstr("prod is held with another key, by a since"));
  EXPECT_EQ(server.count("prod"), 1U);
}

TEST_F(UnlockStepTest, AHolderThatHoldsNothingHasNothingToUnlockWhateverKeyHolds) {
  server.hold("prod", "k", "a");
  for (const std::string how : {R"("any_build":true)", R"("all":true)"}) {
    const VerbRun run = put(R"({"lock_op":"unlock","key":"other","lock_by":"b",)" + how + "}");
    EXPECT_EQ(run.code, 0) << how;
    EXPECT_EQ(run.log, "b holds nothing on prod: it is held by a since 14:02Z (0s)\n");
    EXPECT_EQ(put(R"({"lock_op":"unlock","key":"other","lock_by":"a",)" + how + "}").code, 1) << how;
  }
  EXPECT_EQ(put(R"({"lock_op":"unlock","lock_by":"a","all":true})").code, 1) << "it does hold, by another key";
  EXPECT_EQ(server.count("prod"), 1U);
}

class WhatStaysTest : public UnlockStepTest {
 protected:
  // What the job that locks does; after that, this is another build.
  void locked(const std::string& params) {
    put(params);
    stage.environment["BUILD_ID"] = "5000";
    stage.environment["BUILD_JOB_NAME"] = "finish";
  }
  static constexpr const char* kWarning = "warning: nothing was unlocked, and prod stays locked ";
};

TEST_F(WhatStaysTest, AnUnlockOfWhatAnotherBuildLockedUnderThisNameWarnsAndTellsTheRemedy) {
  locked(R"({"key":"k","lock_by":"train"})");
  const VerbRun run = put(R"({"lock_op":"unlock","key":"k","lock_by":"train"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, testing::AllOf(HasSubstr(std::string(kWarning) + "by this very holder:"),
                                      HasSubstr("any_build: true")));
  EXPECT_EQ(put(R"({"lock_op":"unlock","key":"k","lock_by":"train","any_build":true})").code, 0);
  EXPECT_EQ(server.count("prod"), 0U) << "the remedy is one";
}

TEST_F(WhatStaysTest, SoDoesOneWithThisKeyAlone) {
  locked(R"({"key":"k"})");
  EXPECT_THAT(put(R"({"lock_op":"unlock","key":"k"})").log,
              HasSubstr(std::string(kWarning) + "with this very key, by main/web/deploy #12"));
  EXPECT_THAT(put(R"({"lock_op":"unlock","key":"k","lock_by":"mistyped","any_build":true})").log,
              HasSubstr(std::string(kWarning) + "with this very key, by main/web/deploy #12"));
  const VerbRun other = put(R"({"lock_op":"unlock","key":"other"})");
  EXPECT_THAT(other.log, testing::Not(HasSubstr("warning"))) << "that is somebody else's";
}

TEST_F(WhatStaysTest, AnUnlockThatForgotItsKeyWarnsToo) {
  put(R"({"key":"k"})");
  EXPECT_THAT(put(R"({"lock_op":"unlock"})").log, HasSubstr(std::string(kWarning) + "by this very holder"));
}

TEST_F(WhatStaysTest, ALookThatFailsFailsNoUnlock) {
  locked(R"({"key":"k"})");
  server.faults = {{}, {[] { throw HttpError(HttpError::Kind::connect, "refused"); }}};
  EXPECT_EQ(put(R"({"lock_op":"unlock","key":"k"})").code, 0);
}

TEST_F(UnlockStepTest, AllTakesAllClaimsOfTheHolder) {
  server.hold("prod", "k", "deployer", "first");
  server.hold("prod", "k", "deployer");
  server.hold("prod", "k", "other");
  EXPECT_EQ(put(R"({"lock_op":"unlock","all":true,"key":"k","lock_by":"deployer"})").code, 0);
  EXPECT_EQ(server.count("prod"), 1U);
}

TEST_F(UnlockStepTest, GivesUpAfterItsTimeOut) {
  for (int i = 0; i < 1000; ++i)
    server.faults.push_back({[] { throw HttpError(HttpError::Kind::connect, "refused"); }});
  const VerbRun run = put(R"({"lock_op":"unlock"})");
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(stage.world.passed, 5min);
  EXPECT_THAT(run.log, HasSubstr("error: refused (gave up after 5m)"));
}

class FromTest : public UnlockStepTest {
 protected:
  void file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder / "prod-lock");
    std::ofstream(folder / ("prod-lock/" + name)) << text;
  }
  VerbRun unlock(const std::string& more = "") {
    return put(R"({"lock_op":"unlock","from":"prod-lock")" + more + "}", {folder / ""});
  }
  support::TemporaryFolder folder;
};

TEST_F(FromTest, FreesTheFetchedClaim) {
  server.hold("prod", "k", "deployer", "first");
  server.hold("prod", "k", "deployer", "second");
  file("lock", "prod\n");
  file("lock_by", "deployer");
  file("claim", "second");
  file("token", "2");
  file("key", "k");
  const VerbRun run = unlock();
  EXPECT_EQ(run.code, 0) << run.log;
  EXPECT_NE(locks::find_claim(server.records["prod"], "first"), nullptr);
  EXPECT_EQ(server.count("prod"), 1U);
}

TEST_F(FromTest, AClaimThatHasGoneIsUnlockedAlready) {
  file("lock", "prod");
  file("lock_by", "deployer");
  file("claim", "second");
  file("token", "2");
  EXPECT_EQ(unlock().code, 0);
}

TEST_F(FromTest, AFetchedClaimThatLapsedIsWarnedOf) {
  put(R"({"ttl":"10m"})");
  file("lock", "prod");
  file("lock_by", "main/web/deploy #12");
  file("claim", server.records["prod"].claims.front().name);
  file("token", "1");
  server.lapse("prod", server.records["prod"].claims.front().name);
  const VerbRun run = unlock();
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, HasSubstr("THE LOCK prod HAD LAPSED"));
}

TEST_F(FromTest, AFetchedClaimThatWasReleasedIsNotWarnedOf) {
  put("{}");
  file("lock", "prod");
  file("lock_by", "main/web/deploy #12");
  file("claim", server.records["prod"].claims.front().name);
  file("token", "1");
  put(R"({"lock_op":"unlock"})");
  server.hold("prod", "k", "a");
  server.free("prod");  // by force, but that was another's
  EXPECT_THAT(unlock().log, testing::Not(HasSubstr("warning")));
}

TEST_F(FromTest, AStandingClaimWhoseKeyIsNotKnownAsksForIt) {
  server.hold("prod", "k", "deployer", "second");
  file("lock", "prod");
  file("lock_by", "deployer");
  file("claim", "second");
  file("token", "1");
  const VerbRun run = unlock();
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.log, HasSubstr("params.key"));
  EXPECT_EQ(unlock(R"(,"key":"k")").code, 0);
  EXPECT_EQ(server.count("prod"), 0U);
}

TEST_F(FromTest, WhatTheSameBuildLockedLaterStays) {
  put(R"({"key":"k"})");
  file("lock", "prod");
  file("lock_by", "main/web/deploy #12");
  file("claim", server.records["prod"].claims.front().name);
  file("token", "1");
  file("key", "k");
  put(R"({"lock_op":"unlock","key":"k"})");
  put(R"({"key":"k"})");
  const VerbRun run = unlock();
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, HasSubstr("holds nothing on prod: it is held by main/web/deploy #12"));
  EXPECT_EQ(server.count("prod"), 1U);
  put(R"({"key":"k"})");  // taken over: still that hold
  file("token", "3");
  EXPECT_EQ(unlock().code, 0);
  EXPECT_EQ(server.count("prod"), 0U);
}

TEST_F(FromTest, AFolderOfAnotherLockOrOfNoneIsRefused) {
  EXPECT_EQ(unlock().code, 1);
  file("lock", "stage");
  file("claim", "x");
  EXPECT_THAT(unlock().log, HasSubstr("named stage, not prod"));
}

}  // namespace
}  // namespace lockkeeper
