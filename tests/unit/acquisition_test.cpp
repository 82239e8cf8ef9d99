#include "client/acquisition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/scripted_server.h"

namespace lockkeeper::client {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::answer;
using testing::black_hole;
using testing::hang_up;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedServer;
using ::testing::SizeIs;
using ::testing::StartsWith;

const Answer lock_at_7 = answer(200, R"({"lock":"prod","state":"free","version":7,"count":0})");
const Answer own_at_7 =
    answer(200, R"({"lock":"prod","state":"held","version":7,"count":1,"claims":[{"claim":"deploy","holder":"ann",)"
                R"("count":1,"token":5,"since":"2026-11-21T09:05:00.000Z","metadata":{}}]})");
const Answer own_place_at_7 =
    answer(200, R"({"lock":"prod","state":"held","version":7,"count":1,"queue":[{"claim":"deploy","holder":"ann",)"
                R"("since":"2026-11-21T09:05:00.000Z","place":7,"metadata":{}}]})");
const Answer released =
    answer(200, R"({"response":"x","lock":"prod","version":10,"released":0,"withdrawn":true,"holders":[]})");

Answer granted(bool again = false, bool taken_over = false) {
  return answer(200, std::string(R"({"response":"x","lock":"prod","version":8,"token":8,"claim":"deploy",)") +
                         R"("since":"2026-11-21T09:05:00.000Z","count":1,"ttl":"30s","again":)" +
                         (again ? "true" : "false") + R"(,"taken_over":)" + (taken_over ? "true" : "false") +
                         R"(,"others":[]})");
}
Answer refused(locks::Version version, const std::string& more = "") {
  return answer(423, R"({"error":"held","lock":"prod","version":)" + std::to_string(version) +
                         R"(,"holders":[{"holder":"ann","count":1,"since":"2026-11-21T09:05:00.000Z",)" +
                         R"("metadata":{}}])" + more + "}");
}
Answer queued(unsigned position, locks::Version version = 9) {
  return refused(version, R"(,"position":)" + std::to_string(position) +
                              R"(,"waiters":3,"since":"2026-11-21T09:06:00.000Z","ahead":[])");
}
Answer gone(const std::string& why, const std::string& ended = "") {
  return answer(410, R"({"error":"over","lock":"prod","version":12,"why":")" + why + "\"" +
                         (ended.empty() ? "" : R"(,"ended":")" + ended + "\"") + R"(,"holders":[]})");
}

bool is(const std::string& request, const char* method) {
  return request.starts_with(method);
}

class AcquisitionTest : public ::testing::Test {
 protected:
  AcquisitionTest() { unsetenv("http_proxy"); }

  void serve(std::vector<Answer> script) { server_ = std::make_unique<ScriptedServer>(std::move(script)); }
  // GET and DELETE are answered as usual, PUT by `put`, with its number from 1.
  void serve(std::function<Answer(std::size_t put)> put) {
    server_ = std::make_unique<ScriptedServer>(
        [this, put = std::move(put), puts = std::size_t{0}](std::size_t, const std::string& request) mutable {
          if (is(request, "GET")) return lock_;
          return is(request, "DELETE") ? released : put(++puts);
        });
  }

  Acquisition::End run(std::optional<std::chrono::milliseconds> wait, const http::Interrupt* interrupt = nullptr) {
    order_.wait = wait;
    client_ = std::make_unique<LockClient>(Settings{.uri = server_->url()});
    acquisition_ = std::make_unique<Acquisition>(
        *client_, order_,
        Acquisition::Listener{.queued =
                                  [this](const wire::DeniedView& denied) {
                                    told_.push_back(denied.queued ? place(denied) : "no place");
                                  },
                              .trouble = [this](const std::string& why) { told_.push_back("trouble: " + why); },
                              .answered = [this] { told_.push_back("answered"); }});
    return acquisition_->run(interrupt);
  }
  static std::string place(const wire::DeniedView& denied) {
    return "place " + std::to_string(denied.queued->position);
  }

  ScriptedServer& server() { return *server_; }
  std::vector<std::string> requests(const char* method) const {
    std::vector<std::string> those;
    for (const std::string& one : server_->requests()) {
      if (is(one, method)) those.push_back(one);
    }
    return those;
  }
  // The value of a body's field, as it stands there.
  static std::string field(const std::string& request, const std::string& name) {
    const auto at = request.find('"' + name + "\":");
    if (at == std::string::npos) return "none";
    const auto begin = at + name.size() + 3;
    return request.substr(begin, request.find_first_of(",}", begin) - begin);
  }
  void expect_withdrawn(const std::string& begun) const {
    ASSERT_THAT(requests("DELETE"), SizeIs(1));
    const std::string put = requests("PUT").front(), withdrawal = requests("DELETE").front();
    EXPECT_EQ(field(withdrawal, "claim"), "\"deploy\"");
    EXPECT_EQ(field(withdrawal, "request"), field(put, "request"));
    EXPECT_EQ(field(withdrawal, "begun"), begun);
  }

  Acquisition::Order order_{
      .lock = "prod", .identity = {"k1", "ann"}, .claim = "deploy", .metadata = {{"build", "4711"}}, .ttl = 30s};
  std::vector<std::string> told_;
  Answer lock_ = lock_at_7;
  std::unique_ptr<Acquisition> acquisition_;

 private:
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<LockClient> client_;
};

using Held = Acquisition::Held;
using Over = Acquisition::Over;
using Granted = Acquisition::Granted;
using Interrupted = Acquisition::Interrupted;

TEST_F(AcquisitionTest, TakesAFreeLockWithTheVersionItBeganAt) {
  serve({lock_at_7, granted()});
  const auto before = BootClock::now();
  const auto end = run(std::nullopt);
  const auto& got = std::get<Granted>(end);
  EXPECT_EQ(got.view.token, 8u);
  EXPECT_GE(got.asked, before);
  const auto puts = requests("PUT");
  ASSERT_THAT(puts, SizeIs(1));
  EXPECT_EQ(field(puts[0], "claim"), "\"deploy\"");
  EXPECT_EQ(field(puts[0], "begun"), "7");
  EXPECT_EQ(field(puts[0], "ttl"), "\"30s\"");
  EXPECT_EQ(field(puts[0], "wait"), "none");
  EXPECT_EQ(field(puts[0], "request").size(), 34u) << "128 bits in hex";
  EXPECT_THAT(puts[0], HasSubstr(R"("metadata":{"build":"4711"})"));
  EXPECT_THAT(requests("DELETE"), SizeIs(0));
}

TEST_F(AcquisitionTest, OneThatDoesNotWaitIsToldWhoHoldsItAtOnce) {
  serve({lock_at_7, refused(9)});
  const auto end = run(std::nullopt);
  EXPECT_EQ(std::get<Held>(end).denied.holders.at(0).holder, "ann");
  EXPECT_THAT(server().requests(), SizeIs(2)) << "there is nothing to give back";
}

TEST_F(AcquisitionTest, APlaceThatWasNotAskedForIsLeft) {
  serve({lock_at_7, queued(1), released});
  EXPECT_TRUE(std::holds_alternative<Held>(run(std::nullopt)));
  expect_withdrawn("7");
}

TEST_F(AcquisitionTest, IsToldItsPlaceAtOnceAndWaitsByLongPolls) {
  serve({lock_at_7, queued(2), queued(1), granted()});
  EXPECT_TRUE(std::holds_alternative<Granted>(run(10min)));
  EXPECT_EQ(told_, (std::vector<std::string>{"place 2", "place 1"}));
  const auto puts = requests("PUT");
  ASSERT_THAT(puts, SizeIs(3));
  EXPECT_EQ(field(puts[0], "wait"), "\"0s\"");
  EXPECT_EQ(field(puts[1], "wait"), "\"25s\"");
  EXPECT_EQ(field(puts[2], "wait"), "\"25s\"");
  for (const std::string& put : puts) {
    EXPECT_EQ(field(put, "request"), field(puts[0], "request"));
    EXPECT_EQ(field(put, "begun"), "7") << "with a place it stays";
  }
  EXPECT_THAT(requests("DELETE"), SizeIs(0));
}

TEST_F(AcquisitionTest, ARefusalWithoutAPlaceBringsTheVersionToBeginFrom) {
  serve({lock_at_7, refused(11), granted()});  // its name holds the lock with another key
  EXPECT_TRUE(std::holds_alternative<Granted>(run(10min)));
  EXPECT_EQ(told_, std::vector<std::string>{"no place"});
  EXPECT_EQ(field(requests("PUT").at(1), "begun"), "11");
  EXPECT_EQ(field(requests("PUT").at(1), "wait"), "\"0s\"");
}

TEST_F(AcquisitionTest, WhenItsTimeIsOverItLeavesTheQueue) {
  serve([](std::size_t) { return queued(2); });
  const auto end = run(200ms);
  EXPECT_EQ(std::get<Held>(end).denied.queued->position, 2u);
  expect_withdrawn("7");
  const std::string last = requests("PUT").at(1);
  EXPECT_THAT(field(last, "wait"), HasSubstr("ms")) << "the last poll is as long as what remains: " << last;
}

TEST_F(AcquisitionTest, AfterALostAnswerTheLeaseCountsFromBeforeTheRequestThatWasGranted) {
  BootClock::time_point came[3];
  serve([&](std::size_t put) {
    came[put] = BootClock::now();
    return put == 1 ? hang_up() : granted(true);
  });
  const auto end = run(std::nullopt);
  EXPECT_LT(std::get<Granted>(end).asked, came[1]) << "the first may have been the one";
  EXPECT_EQ(field(requests("PUT").at(0), "request"), field(requests("PUT").at(1), "request"));

  serve([&](std::size_t put) {
    came[put] = BootClock::now();
    return put == 1 ? hang_up() : granted(false);
  });
  const auto fresh = run(std::nullopt);
  EXPECT_GT(std::get<Granted>(fresh).asked, came[1]) << "the first was not";
  EXPECT_LT(std::get<Granted>(fresh).asked, came[2]);
}

TEST_F(AcquisitionTest, WhileTheServerIsAwayItKeepsItsPlaceAndSaysSoOnce) {
  serve({lock_at_7, queued(2), answer(503, "{\"error\":\"no room\"}", "application/json", "Retry-After: 1\r\n"),
         hang_up(), queued(1), granted()});
  const auto began = BootClock::now();
  EXPECT_TRUE(std::holds_alternative<Granted>(run(10min)));
  EXPECT_GE(BootClock::now() - began, 1s) << "Retry-After";
  ASSERT_THAT(told_, SizeIs(4));
  EXPECT_EQ(told_[0], "place 2");
  EXPECT_THAT(told_[1], HasSubstr("answered 503: no room"));
  EXPECT_EQ(told_[2], "answered");
  EXPECT_EQ(told_[3], "place 1");
  const auto puts = requests("PUT");
  ASSERT_THAT(puts, SizeIs(5));
  EXPECT_EQ(field(puts[1], "wait"), "\"25s\"");
  EXPECT_EQ(field(puts[2], "wait"), "\"0s\"") << "that it answers again is told at once";
  EXPECT_EQ(field(puts[3], "wait"), "\"0s\"");
  EXPECT_EQ(field(puts[4], "wait"), "\"25s\"");
  for (const std::string& put : puts) {
    EXPECT_EQ(field(put, "request"), field(puts[0], "request"));
    EXPECT_EQ(field(put, "begun"), "7");
  }
}

TEST_F(AcquisitionTest, GivesUpWhenItsPatienceIsOver) {
  serve([](std::size_t) { return hang_up(); });
  order_.patience = 300ms;
  const auto began = BootClock::now();
  EXPECT_THROW(run(std::nullopt), http::HttpError);
  EXPECT_GE(BootClock::now() - began, 300ms);
  EXPECT_LT(BootClock::now() - began, 5s);
  EXPECT_GE(requests("PUT").size(), 2u);
  expect_withdrawn("7");  // one of them may have been carried out
}

TEST_F(AcquisitionTest, TheFirstRequestOfOneThatWaitsHasNoMorePatience) {
  serve(std::vector<Answer>{});
  order_.patience = 200ms;
  EXPECT_THROW(run(Acquisition::for_ever), http::HttpError);
  EXPECT_THAT(requests("PUT"), SizeIs(0));
  EXPECT_THAT(requests("DELETE"), SizeIs(0)) << "nothing was asked for";
}

TEST_F(AcquisitionTest, WhoHasAPlaceIsPatientForAsLongAsItWaits) {
  serve([](std::size_t put) {
    if (put == 1) return queued(1);
    return put < 4 ? hang_up() : granted();
  });
  order_.patience = 1ms;
  EXPECT_TRUE(std::holds_alternative<Granted>(run(Acquisition::for_ever)));
}

TEST_F(AcquisitionTest, WhatDoesNotPassIsNotTriedAgain) {
  serve({answer(401, "{\"error\":\"who are you\"}")});
  EXPECT_THROW(run(10min), ServerError);
  EXPECT_THAT(server().requests(), SizeIs(1));

  serve({lock_at_7, queued(1), answer(403, "{\"error\":\"no more\"}"), released});
  EXPECT_THROW(run(10min), ServerError);
  expect_withdrawn("7");
}

TEST_F(AcquisitionTest, AnInterruptEndsAPollAndLeavesTheQueue) {
  serve([](std::size_t put) { return put == 1 ? queued(1) : black_hole(); });
  http::Interrupt interrupt;
  std::jthread person([&] {
    server().wait_for_requests(3);
    interrupt.raise();
  });
  const auto began = BootClock::now();
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(10min, &interrupt)));
  EXPECT_LT(BootClock::now() - began, 2s);
  expect_withdrawn("7");
}

TEST_F(AcquisitionTest, AnInterruptEndsAPauseAndOneBeforeAnythingWasAskedForGivesNothingBack) {
  serve({answer(503, "{}", "application/json", "Retry-After: 60\r\n")});
  order_.patience = Acquisition::for_ever;
  http::Interrupt interrupt;
  std::jthread person([&] {
    server().wait_for_requests(1);
    interrupt.raise();
  });
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(10min, &interrupt)));
  EXPECT_THAT(server().requests(), SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(10min, &interrupt)));
  EXPECT_THAT(server().requests(), SizeIs(1)) << "it was raised before";
}

TEST_F(AcquisitionTest, AGrantThatComesWithTheInterruptIsGivenBack) {
  http::Interrupt interrupt;
  serve([&](std::size_t) {
    interrupt.raise();
    return granted();
  });
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(std::nullopt, &interrupt)));
  expect_withdrawn("7");
}

TEST_F(AcquisitionTest, WhatStoodUnderItsNameBeforeIsNotGivenBack) {
  order_.patience = 1ms;
  for (const Answer& before : {own_at_7, own_place_at_7}) {
    lock_ = before;
    serve([](std::size_t) { return hang_up(); });
    EXPECT_THROW(run(std::nullopt), http::HttpError);
    EXPECT_THAT(requests("DELETE"), SizeIs(0)) << "somebody may be at work under it";
    EXPECT_TRUE(acquisition_->may_stand());
  }
}

TEST_F(AcquisitionTest, WhatItTookOverIsNotGivenBackThoughItCameAfterTheFirstLook) {
  serve([&](std::size_t) { return granted(false, true); });
  EXPECT_TRUE(std::holds_alternative<Granted>(run(std::nullopt)));
  EXPECT_FALSE(acquisition_->give_back());
  EXPECT_THAT(requests("DELETE"), SizeIs(0));
}

TEST_F(AcquisitionTest, AfterARefusalNothingThatStoodBeforeIsLeftToSpare) {
  lock_ = own_at_7;
  order_.patience = 1ms;
  http::Interrupt interrupt;
  serve([&](std::size_t put) {
    if (put > 1) interrupt.raise();
    return put == 1 ? queued(1) : hang_up();
  });
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(10min, &interrupt)));
  expect_withdrawn("7");
  EXPECT_FALSE(acquisition_->may_stand());
}

TEST_F(AcquisitionTest, AGrantThatIsOfNoUseIsGivenBackButNotWhatStoodBefore) {
  serve([](std::size_t) { return granted(); });
  EXPECT_TRUE(std::holds_alternative<Granted>(run(std::nullopt)));
  EXPECT_TRUE(acquisition_->give_back());
  expect_withdrawn("7");

  lock_ = own_at_7;
  serve([](std::size_t) { return granted(false, true); });
  EXPECT_TRUE(std::holds_alternative<Granted>(run(std::nullopt)));
  EXPECT_FALSE(acquisition_->give_back());
  EXPECT_THAT(requests("DELETE"), SizeIs(0));

  serve([](std::size_t) { return granted(); });  // what stood had ended meanwhile
  EXPECT_TRUE(std::holds_alternative<Granted>(run(std::nullopt)));
  EXPECT_TRUE(acquisition_->give_back());
}

TEST_F(AcquisitionTest, GivingBackHasItsBounds) {
  serve({lock_at_7, queued(1), black_hole(), black_hole(), black_hole(), black_hole()});
  http::Interrupt interrupt;
  std::jthread person([&] {
    server().wait_for_requests(3);
    interrupt.raise();
  });
  const auto began = BootClock::now();
  EXPECT_TRUE(std::holds_alternative<Interrupted>(run(10min, &interrupt)));
  EXPECT_LT(BootClock::now() - began, 6s);
  EXPECT_THAT(requests("DELETE"), SizeIs(2));
  EXPECT_TRUE(acquisition_->may_stand());
}

TEST_F(AcquisitionTest, SaysHowItEndedWhenSomebodyEndedIt) {
  const std::vector<std::pair<Answer, const char*>> ends{
      {gone("superseded"), "somebody else has taken over the claim deploy"},
      {gone("closed"), "the claim deploy was released or withdrawn meanwhile"},
      {gone("ended", "forced"), "an operator's force-release ended it"},
      {gone("ended", "lapsed"), "prod was granted, and lapsed before an answer told so"},
      {gone("forgotten"), "this began so long ago"}};
  for (const auto& [last, sentence] : ends) {
    serve({lock_at_7, queued(1, 7), last, released});
    const auto end = run(10min);
    ASSERT_TRUE(std::holds_alternative<Over>(end)) << sentence;
    EXPECT_THAT(std::get<Over>(end).why, HasSubstr(sentence));
    EXPECT_EQ(std::get<Over>(end).denied.version, 12u);
    EXPECT_THAT(requests("DELETE"), SizeIs(0)) << "nothing of it can take the lock any more";
  }
}

TEST_F(AcquisitionTest, WhatTheServerForgotBeginsAgainFromTheVersionAtWhichItsPlaceStood) {
  serve({lock_at_7, queued(1, 9), gone("forgotten"), granted()});
  EXPECT_TRUE(std::holds_alternative<Granted>(run(10min)));
  EXPECT_EQ(field(requests("PUT").at(2), "begun"), "9");
}

TEST_F(AcquisitionTest, AnOriginalServerIsNoPlaceForALease) {
  serve({answer(404, "404 page not found", "text/plain"), answer(200, "{}")});
  try {
    run(10min);
    ADD_FAILURE() << "taken";
  } catch (const OriginalServer& error) {
    EXPECT_THAT(error.what(), StartsWith(server().url() + " is an original locker server"));
  }
  EXPECT_THAT(requests("PUT"), SizeIs(0));
}

TEST_F(AcquisitionTest, AClaimWithoutANameGetsARandomOne) {
  order_.claim.clear();
  serve([](std::size_t) { return granted(); });
  run(std::nullopt);
  run(std::nullopt);
  const auto puts = requests("PUT");
  EXPECT_EQ(field(puts.at(0), "claim").size(), 34u);
  EXPECT_NE(field(puts.at(0), "claim"), field(puts.at(1), "claim"));
}

}  // namespace
}  // namespace lockkeeper::client
