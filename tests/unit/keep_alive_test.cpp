// Leases kept alive: when to renew and when to give up, by a clock of the test's own; then the real thread against
// a scripted server.
#include "client/keep_alive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/support/scripted_server.h"

namespace lockkeeper::client {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::answer;
using testing::black_hole;
using ::testing::HasSubstr;
using testing::ScriptedServer;
using Time = LeaseWatch::Time;
using State = LeaseWatch::State;
using What = LeaseWatch::What;

constexpr Time t0{1000s};

LeaseWatch lease_of(std::chrono::milliseconds ttl) {
  return LeaseWatch({.ttl = ttl}, t0, t0 + 10ms);
}

// What the thread would do, with a server that answers each renewal after `latency`; until `end` or the loss.
std::vector<std::chrono::milliseconds> renewals(LeaseWatch& watch, Time end, std::chrono::milliseconds latency) {
  std::vector<std::chrono::milliseconds> at;
  for (Time now = t0 + 10ms; now < end;) {
    const LeaseWatch::Step step = watch.next(now);
    if (step.what == What::lost) break;
    if (step.what == What::sleep) {
      now = step.until;
      continue;
    }
    at.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now - t0));
    watch.renewed(now, now + latency, 30s);
    now += latency;
  }
  return at;
}

TEST(LeaseWatch, RenewsEachThirdOfTheTtlCountedFromBeforeTheRequest) {
  LeaseWatch watch = lease_of(30s);
  EXPECT_EQ(renewals(watch, t0 + 60s, 200ms), (std::vector<std::chrono::milliseconds>{10s, 20s, 30s, 40s, 50s}));
  EXPECT_EQ(watch.lost_at(), t0 + 50s + 30s - 3s);
}

TEST(LeaseWatch, IsLostAMarginBeforeItsEnd) {
  LeaseWatch watch = lease_of(30s);
  EXPECT_EQ(watch.state(t0 + 27s - 1ms), State::held);
  EXPECT_EQ(watch.state(t0 + 27s), State::lost) << "a tenth of the ttl";
  EXPECT_EQ(lease_of(2s).lost_at(), t0 + 1500ms) << "half a second at least";
  EXPECT_EQ(lease_of(600ms).lost_at(), t0 + 300ms) << "and half of the ttl at most";
  EXPECT_EQ(LeaseWatch({.ttl = 30s, .margin = 10s}, t0, t0).lost_at(), t0 + 20s);
}

TEST(LeaseWatch, HasTimeToRenewAlsoWithAShortTtl) {
  for (const auto ttl : {100ms, 300ms, 1000ms, 2000ms}) {
    LeaseWatch watch({.ttl = ttl}, t0, t0);
    const LeaseWatch::Step step = watch.next(t0);
    EXPECT_EQ(step.what, What::sleep);
    EXPECT_EQ(watch.next(step.until).what, What::renew) << ttl.count();
  }
}

TEST(LeaseWatch, WhoWakesFromAFreezeSeesTheLossBeforeItRenews) {
  LeaseWatch watch = lease_of(30s);
  EXPECT_EQ(watch.next(t0 + 10s).what, What::renew);
  EXPECT_EQ(watch.next(t0 + 28s).what, What::lost) << "stopped in between, for 18 s";
  watch.renewed(t0 + 10s, t0 + 28s, 30s);
  EXPECT_EQ(watch.state(t0 + 28s), State::lost) << "for good: its holder has been told";
}

TEST(LeaseWatch, AnAnswerThatComesAfterAFreezeRenewsNothing) {
  LeaseWatch watch = lease_of(30s);
  watch.renewed(t0 + 10s, t0 + 50s, 30s);  // asked, stopped, woken, read
  EXPECT_EQ(watch.state(t0 + 50s), State::lost);
}

TEST(LeaseWatch, NorOneThatComesBetweenTheLossAndTheEnd) {
  LeaseWatch watch = lease_of(30s);
  watch.renewed(t0 + 20s, t0 + 28s, 30s);
  EXPECT_EQ(watch.state(t0 + 28s), State::lost) << "nobody may have looked, but who did has stopped for good";
}

TEST(LeaseWatch, TriesAgainWithinWhatRemainsAndMoreOftenTowardsTheEnd) {
  LeaseWatch watch = lease_of(30s);
  std::vector<std::chrono::nanoseconds> pauses;
  Time last{};
  for (Time now = t0 + 10s; watch.next(now).what != What::lost;) {
    const LeaseWatch::Step step = watch.next(now);
    if (step.what == What::renew) {
      if (last != Time{}) pauses.push_back(now - last);
      last = now;
      watch.failed(now, 0.5, std::nullopt);
    } else {
      now = step.until;
    }
  }
  ASSERT_GT(pauses.size(), 10u);
  EXPECT_LT(pauses.size(), 100u);
  EXPECT_GT(pauses.front(), 10 * pauses.back());
}

TEST(LeaseWatch, AServersRetryAfterIsHeededAsFarAsTheLeaseAllows) {
  LeaseWatch watch = lease_of(30s);
  watch.failed(t0 + 10s, 0, 6s);
  EXPECT_EQ(watch.next(t0 + 10s).until, t0 + 16s);
  watch.failed(t0 + 17s, 0, 3600s);
  EXPECT_EQ(watch.next(t0 + 17s).until, t0 + 22s) << "half of what remains";
}

TEST(LeaseWatch, AFailureThatIsMadeUpForIsNoLoss) {
  LeaseWatch watch = lease_of(30s);
  watch.failed(t0 + 12s, 0.5, std::nullopt);
  watch.renewed(t0 + 15s, t0 + 15s, 30s);
  EXPECT_EQ(watch.state(t0 + 40s), State::held);
}

TEST(LeaseWatch, MaxHoldEndsItWhateverIsRenewed) {
  LeaseWatch watch({.ttl = 30s, .max_hold = 60s}, t0, t0);
  renewals(watch, t0 + 100s, 1ms);
  EXPECT_EQ(watch.lost_at(), t0 + 57s);
  EXPECT_EQ(watch.state(t0 + 57s), State::lost);
}

TEST(LeaseWatch, AGrantAtTheEndOfALongPollIsRenewedAtOnceBeforeItCounts) {
  LeaseWatch watch({.ttl = 10s}, t0, t0 + 25s);
  EXPECT_EQ(watch.state(t0 + 25s), State::unsure);
  EXPECT_EQ(watch.next(t0 + 25s).what, What::renew);
  watch.renewed(t0 + 25s, t0 + 26s, 10s);
  EXPECT_EQ(watch.state(t0 + 26s), State::held);
  EXPECT_EQ(watch.lost_at(), t0 + 34s);

  LeaseWatch never({.ttl = 10s}, t0, t0 + 25s);
  never.failed(t0 + 25s, 0.5, std::nullopt);
  EXPECT_EQ(never.state(t0 + 34s), State::lost) << "it was granted before the answer came";
}

TEST(LeaseWatch, WithoutATtlThereIsNothingToRenew) {
  LeaseWatch watch({}, t0, t0);
  EXPECT_EQ(watch.next(t0 + 24h * 365).what, What::sleep);
  EXPECT_EQ(watch.state(t0 + 24h * 365), State::held);
}

TEST(BootClock, GoesOn) {
  const auto before = BootClock::now();
  EXPECT_GE(BootClock::now(), before);
}

// ---- the thread

const Answer renewed = answer(200, R"({"response":"x","lock":"prod","version":12,"token":8,"ttl":"30s"})");

class KeepAliveTest : public ::testing::Test {
 protected:
  KeepAliveTest() { unsetenv("http_proxy"); }

  // A lease of which `passed` has gone by.
  std::unique_ptr<KeepAlive> keep(const ScriptedServer& server, std::chrono::milliseconds ttl,
                                  std::chrono::milliseconds passed,
                                  std::optional<std::chrono::milliseconds> margin = std::nullopt) {
    const Lease lease{"prod", "k1", "c", 8, ttl, std::nullopt, BootClock::now() - passed};
    return std::make_unique<KeepAlive>(
        Settings{.uri = server.url()}, lease,
        KeepAlive::Options{margin, [this](const std::string& why) { lost.set_value(why); }});
  }
  // What was told of the loss; empty: nothing in a minute.
  std::string told() {
    std::future<std::string> future = lost.get_future();
    return future.wait_for(1min) == std::future_status::ready ? future.get() : "";
  }
  std::promise<std::string> lost;
};

TEST_F(KeepAliveTest, RenewsUntilItIsDestroyed) {
  ScriptedServer server(std::vector<Answer>(1000, answer(200, R"({"response":"x","lock":"prod","version":12,)"
                                                              R"("token":8,"ttl":"300ms"})")));
  const auto alive = keep(server, 300ms, 0ms);
  server.wait_for_requests(5);
  EXPECT_EQ(alive->state(), KeepAlive::State::held);
  EXPECT_THAT(server.requests().front(), HasSubstr("POST /lock/prod/renew"));
  EXPECT_THAT(server.requests().front(), HasSubstr(R"("token":8)"));
}

TEST_F(KeepAliveTest, TellsAtOnceWhatTheServerSays) {
  ScriptedServer server(
      {answer(410, R"({"error":"over","lock":"prod","version":13,"why":"ended","ended":"forced","holders":[]})")});
  const auto alive = keep(server, 1h, 30min);
  EXPECT_EQ(told(), "an operator ended it") << "half an hour before its time";
  EXPECT_EQ(alive->state(), KeepAlive::State::lost);
}

TEST_F(KeepAliveTest, TriesAgainOnAnotherConnection) {
  ScriptedServer server({testing::hang_up(), answer(503, "{\"error\":\"ending\"}"), renewed});
  const auto alive = keep(server, 30s, 23s);
  server.wait_for_requests(3);
  EXPECT_NE(alive->state(), KeepAlive::State::lost);
}

TEST_F(KeepAliveTest, TellsTheLossWhileARequestHangs) {
  ScriptedServer server(std::vector<Answer>(100, black_hole()));
  const auto asked = BootClock::now();
  const auto alive = keep(server, 600ms, 0ms, 200ms);
  EXPECT_THAT(told(), HasSubstr("it could not be renewed: "));
  const auto passed = BootClock::now() - asked;
  EXPECT_GE(passed, 400ms);
  EXPECT_LT(passed, 5s) << "the request's own time-out is 10 s";
  EXPECT_EQ(alive->state(), KeepAlive::State::lost);
}

TEST_F(KeepAliveTest, ALeaseOfALongPollIsMadeSureOf) {
  ScriptedServer server({renewed, black_hole()});
  EXPECT_TRUE(keep(server, 30s, 60s)->sure());
  ScriptedServer other(
      {answer(410, R"({"error":"over","lock":"prod","version":13,"why":"superseded","holders":[]})")});
  const auto taken = keep(other, 30s, 60s);
  EXPECT_FALSE(taken->sure());
  EXPECT_EQ(told(), "another intention has taken the claim over");
}

TEST_F(KeepAliveTest, EndsWithoutWaitingForAnAnswer) {
  ScriptedServer server({black_hole()});
  auto alive = keep(server, 1h, 30min);
  server.wait_for_requests(1);
  const auto began = std::chrono::steady_clock::now();
  alive.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "the request's own time-out is 10 s";
}

}  // namespace
}  // namespace lockkeeper::client
