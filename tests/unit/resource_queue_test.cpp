// A lock step that has to wait: in the queue of our server, by asking again at one that has none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "out/out_verb.h"
#include "tests/support/resource_stage.h"

namespace lockkeeper {
namespace {

using namespace std::chrono_literals;
using http::HttpError;
using support::ResourceStage;
using support::VerbRun;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string put(const std::string& params) {
  return R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"params":)" + params + "}";
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

class QueueTest : public testing::Test {
 protected:
  VerbRun lock(const std::string& params = "{}") { return stage.run(out::run, put(params)); }

  // Another run of a verb of this build, at the same server, from within this one.
  VerbRun meanwhile(const std::string& params) {
    ResourceStage other;
    other.world.passed = world.passed;
    other.world.requests = 1000 * ++runs;
    other.server.records.swap(server.records);
    const VerbRun run = other.run(out::run, put(params));
    other.server.records.swap(server.records);
    return run;
  }
  std::uint64_t holds(const std::string& holder) { return locks::count(server.records["prod"], holder); }
  const std::deque<locks::Waiter>& queue() { return server.records["prod"].waiters; }
  std::string claim() { return queue().back().name; }

  ResourceStage stage;
  support::FakeServer& server = stage.server;
  support::FakeWorld& world = stage.world;
  int runs = 0;
  static constexpr const char* kMe = "main/web/deploy #12";
};

TEST_F(QueueTest, AsksOnceForAPlaceAndThenWaitsAtTheServer) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.sleeps == 60) server.free("prod");
  };
  EXPECT_EQ(lock().code, 0);
  EXPECT_EQ(world.passed, 60s) << "granted in the moment of the release";
  EXPECT_THAT(server.waits, ElementsAre(0s, 25s, 25s, 25s));
  EXPECT_THAT(server.calls, ElementsAre("lock", "acquire", "acquire", "acquire", "acquire", "lock"));
  EXPECT_EQ(world.requests, 1);
}

TEST_F(QueueTest, TheLogSaysItsPlaceAndWhoIsAhead) {
  server.hold("prod", "k", "a");
  for (const char* name : {"b", "c", "d", "e"}) server.queue("prod", std::string("key of ") + name, name, name);
  world.on_sleep = [&] {
    if (world.sleeps == 30) server.free("prod");  // b has it
    if (world.sleeps == 100) world.ended = true;
  };
  const VerbRun run = lock();
  EXPECT_THAT(run.log, AllOf(HasSubstr("waiting for prod: held by a since 14:02Z (0s); place 5 of 5 in the queue, "
                                       "behind b, c, d and 1 more\n"),
                             HasSubstr("waiting for prod: held by b since 14:02Z (20s); place 4 of 4 in the queue, "
                                       "behind c, d and e; about 1m40s to go\n")));
  EXPECT_EQ(times(run.log, "\nwaiting for") + times(run.log, "still"), 2U) << "one line a change, and a reminder\n"
                                                                           << run.log;
}

TEST_F(QueueTest, WhoComesBehindIsNoNews) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.sleeps == 10) server.queue("prod", "kb", "b", "b");
    if (world.sleeps == 40) world.ended = true;
  };
  EXPECT_EQ(times(lock().log, "waiting for prod"), 1U);
}

TEST_F(QueueTest, TheLogSaysTheSameAgainNowAndThen) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.passed >= 30min) world.ended = true;
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 143);
  EXPECT_EQ(times(run.log, "still waiting for prod after"), 6U) << "after 1, 2, 4, 8, 18 and 28 minutes\n"
                                                                << run.log;
  EXPECT_THAT(run.log,
              HasSubstr("still waiting for prod after 4m10s: held by a since 14:02Z (4m10s); next in the queue\n"));
}

TEST_F(QueueTest, AnotherBuildOfTheSameHolderIsToldToWhoWaits) {
  server.hold("prod", "k", "deployer", "one", {{"build", "1"}, {"url", "https://ci/builds/1"}});
  server.queue("prod", "k2", "deployer", "two");
  world.on_sleep = [&] {
    if (world.sleeps == 2) server.free("prod");
    if (world.sleeps == 40) server.free("prod");
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, AllOf(HasSubstr("waiting for prod: held by deployer (https://ci/builds/1)"),
                             HasSubstr("waiting for prod: held by deployer since")));
}

TEST_F(QueueTest, WaitIsABoundAfterWhichThePlaceIsGivenUp) {
  server.hold("prod", "k", "a");
  const VerbRun run = lock(R"({"wait":"40s"})");
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(world.passed, 40s);
  EXPECT_THAT(server.waits, ElementsAre(0s, 25s, 15s));
  EXPECT_THAT(run.log,
              AllOf(HasSubstr("left the queue for prod"),
                    HasSubstr("error: prod is held by a since 14:02Z (40s); next in the queue (gave up after "
                              "40s)")));
  EXPECT_TRUE(queue().empty());
}

TEST_F(QueueTest, EndedWhileWaitingItLeavesTheQueueForGood) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] { world.ended = true; };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 143);
  EXPECT_THAT(server.calls, ElementsAre("lock", "acquire", "acquire", "withdraw"));
  EXPECT_TRUE(queue().empty());
  EXPECT_THAT(run.log, HasSubstr("left the queue for prod"));
  EXPECT_EQ(server.records["prod"].closed.size(), 1U) << "no late copy of its request takes the lock";
  EXPECT_TRUE(run.output.empty());
}

TEST_F(QueueTest, AGiveBackThatIsNotAnsweredIsTriedTwiceForTwoAndAHalfSeconds) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    world.ended = true;
    for (int i = 0; i < 9; ++i)
      server.faults.push_back({[] { throw HttpError(HttpError::Kind::timeout, "silence"); }});
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 143);
  EXPECT_THAT(server.calls, ElementsAre("lock", "acquire", "acquire", "withdraw", "withdraw"));
  EXPECT_EQ(server.timeouts.back(), 2500ms);
  EXPECT_TRUE(server.deaf);
  EXPECT_THAT(run.log, HasSubstr("could not give prod back, if it was won: silence"));
}

TEST_F(QueueTest, AnEnsureThatUnlocksEndsAStepThatStillWaits) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.sleeps != 3) return;
    EXPECT_EQ(meanwhile(R"({"lock_op":"unlock"})").code, 0);
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(world.passed, 3s);
  EXPECT_THAT(run.log, HasSubstr("error: this build unlocked prod while this step was still waiting for it"));
  EXPECT_TRUE(queue().empty());
}

TEST_F(QueueTest, AnotherAttemptTakesThePlaceAndTheFormerOneSaysSo) {
  server.hold("prod", "k", "a");
  VerbRun second;
  world.on_sleep = [&] {
    if (world.sleeps == 2) server.queue("prod", "kb", "b", "b");
    if (world.sleeps != 5) return;
    ResourceStage next;
    next.world.requests = 50;
    next.server.records.swap(server.records);
    next.world.on_sleep = [&] {
      if (next.world.sleeps == 3) next.server.free("prod");
    };
    second = next.run(out::run, put("{}"));
    next.server.records.swap(server.records);
  };
  const VerbRun first = lock();
  EXPECT_EQ(second.code, 0);
  EXPECT_THAT(second.log, HasSubstr("next of 2 in the queue")) << "not behind b";
  EXPECT_EQ(first.code, 1);
  EXPECT_THAT(first.log, HasSubstr("error: another run of this step has taken over"));
  EXPECT_EQ(holds(kMe), 1U) << "ending the former took nothing from the latter";
}

TEST_F(QueueTest, AbortingTheFormerOfTwoAttemptsTakesNothingFromTheOther) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.sleeps != 2) return;
    const VerbRun second = meanwhile(R"({"wait":"1s"})");  // takes the place over ...
    EXPECT_EQ(second.code, 1);
    locks::Acquire third{"https://ci.example.com build 4711", kMe, server.records["prod"].closed.back().name,
                         "third"};
    third.wait = 0ms;
    server.decide("prod", {"", {}, third});  // ... and a third one has it now
    world.ended = true;
  };
  EXPECT_EQ(lock().code, 143);
  EXPECT_EQ(server.calls.back(), "withdraw");
  ASSERT_EQ(queue().size(), 1U);
  EXPECT_EQ(queue().front().request, "third");
}

TEST_F(QueueTest, AnOutageKeepsThePlaceAndTheRequest) {
  server.hold("prod", "k", "a");
  server.faults = {{}, {}, {[] { throw client::ServerError(503, "http://locks answered 503: ending", 5s); }}, {[] {
                     throw HttpError(HttpError::Kind::connect, "refused");
                   }}};
  world.on_sleep = [&] {
    if (world.sleeps == 1) server.queue("prod", "kb", "b", "b");
    if (world.passed > 20s) server.free("prod");
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.log, HasSubstr("http://locks answered 503: ending; trying again\n"));
  EXPECT_EQ(world.requests, 1);
  EXPECT_THAT(server.waits, ElementsAre(0s, 0s, 25s)) << "after a failure it asks at once what stands";
  EXPECT_EQ(queue().front().name, "b");
}

TEST_F(QueueTest, AServerThatDoesNotKeepItsAnswersBackIsNotAskedWithoutPause) {
  server.hold("prod", "k", "a");
  server.longest_wait = 0ms;
  server.on_call = [&](const std::string&) {
    if (server.calls.size() > 100) world.ended = true;
  };
  world.on_sleep = [&] {
    if (world.passed > 2min) world.ended = true;
  };
  lock();
  EXPECT_LT(server.calls.size(), 15U);
}

TEST_F(QueueTest, AServerWithAShortLongestWaitHasAPollOpenAtEveryMoment) {
  server.hold("prod", "k", "a");
  server.longest_wait = 1s;
  world.on_sleep = [&] {
    if (world.sleeps == 100) server.free("prod");
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(world.passed, 100s) << "granted in the moment of the release, not after a pause";
  EXPECT_EQ(server.waits.size(), 101U) << "one that asks for a place, and a hundred polls in a row";
}

TEST_F(QueueTest, APlaceThatLapsedIsSaidAndTakenAnew) {
  server.hold("prod", "k", "a");
  server.faults = {{}, {}, {[] { throw HttpError(HttpError::Kind::connect, "unreachable"); }}};
  world.on_sleep = [&] {
    if (world.sleeps == 2) server.queue("prod", "kb", "b", "b");
    if (world.sleeps == 26) server.lapse("prod", queue().front().name);  // while it could not ask
    if (world.sleeps == 60) server.free("prod");
    if (world.sleeps == 80) server.free("prod");
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 0) << run.log;
  EXPECT_THAT(run.log, AllOf(HasSubstr("warning: the place of this step in the queue has lapsed"),
                             HasSubstr("place 2 of 2 in the queue, behind b")));
}

TEST_F(QueueTest, AnOfferMadeWhileItCouldNotAskIsTakenUp) {
  server.hold("prod", "k", "a");
  server.faults = {{}, {}, {[] { throw HttpError(HttpError::Kind::connect, "unreachable"); }}};
  world.on_sleep = [&] {
    if (world.sleeps == 26) server.free("prod");  // in the pause: nobody polls
  };
  EXPECT_EQ(lock().code, 0);
  EXPECT_FALSE(server.records["prod"].claims.front().offered);
}

TEST_F(QueueTest, APlaceLostAfterAnHourIsAskedForAgainFromWhereItWasSeenLast) {
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    locks::Record& record = server.records["prod"];
    if (world.sleeps == 2) server.hold("prod", "k", "a");                 // the version moves on
    if (world.sleeps == 30) record.head.forgotten = record.head.version;  // closed names were dropped
    if (world.sleeps == 30) server.lapse("prod", queue().front().name);
    if (world.sleeps == 60) server.free("prod");
  };
  EXPECT_EQ(lock().code, 0) << "until then nobody had unlocked, or the server would have said so";
}

TEST_F(QueueTest, AHoldTakenAwayBeforeTheStepKnewOfItFailsIt) {
  server.hold("prod", "k", "a");
  server.faults = {{}, {}, {[] { throw HttpError(HttpError::Kind::broken, "cut"); }, true}};
  world.on_sleep = [&] {
    if (world.sleeps == 10) server.free("prod");  // this step has it, and the answer is cut
    if (world.sleeps == 11) server.free("prod");
  };
  const VerbRun run = lock();
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.log, HasSubstr("force-release took prod from this step before it knew"));
}

TEST_F(QueueTest, ATtlIsToldAndIsThePutsAlone) {
  const VerbRun run = lock(R"({"ttl":"90m"})");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(server.records["prod"].claims.front().ttl, 90min);
  EXPECT_THAT(run.log, HasSubstr("this hold lapses after 1h30m (params.ttl; nothing renews it)\n"));
}

// ---- a server without a queue

TEST_F(QueueTest, AtAnOriginalServerPausesGrowFromOneToThirtySeconds) {
  server.kind_of = client::ServerKind::original;
  server.hold("prod", "k", "a");
  std::vector<std::chrono::seconds> asked;
  server.on_call = [&](const std::string& call) {
    if (call == "acquire") asked.push_back(std::chrono::round<std::chrono::seconds>(world.passed));
    if (world.passed > 2min) world.ended = true;
  };
  lock();
  ASSERT_GE(asked.size(), 7U);
  EXPECT_THAT(std::vector(asked.begin(), asked.begin() + 7), ElementsAre(0s, 1s, 3s, 7s, 15s, 31s, 61s));
  EXPECT_THAT(server.waits, Not(Contains(Not(testing::Eq(std::nullopt)))));
}

TEST_F(QueueTest, AtAnOriginalServerTheLogSaysANewHolderAndWaitIsABound) {
  server.kind_of = client::ServerKind::original;
  server.hold("prod", "k", "a");
  world.on_sleep = [&] {
    if (world.sleeps != 2) return;
    server.free("prod");
    server.hold("prod", "k", "b");
  };
  const VerbRun run = lock(R"({"wait":"2m"})");
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(world.passed, 2min);
  EXPECT_THAT(run.log, AllOf(HasSubstr("\nwaiting for prod: held by b since"), HasSubstr("(gave up after 2m)")));
  EXPECT_EQ(times(run.log, "still waiting for prod after 1m"), 1U);
  EXPECT_THAT(server.calls, Not(Contains("withdraw"))) << "every answer was a refusal";
}

TEST_F(QueueTest, AtAnOriginalServerATtlIsRefusedBeforeAnythingIsLocked) {
  server.kind_of = client::ServerKind::original;
  const VerbRun run = lock(R"({"ttl":"1h"})");
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.log, HasSubstr("error: http://locks is an original locker server: it would take no notice of "
                                 "params.ttl"));
  EXPECT_EQ(server.count("prod"), 0U);
}

}  // namespace
}  // namespace lockkeeper
