// A request that waits, whose client leaves or whose server stops: no lock stays with a client that died.
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "server/doors/locker_visit.h"
#include "server/doors/open_polls.h"
#include "server/random_name.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

class NoRequest final : public http::Request {
 public:
  std::string_view method() const override { return "PUT"; }
  std::string_view target() const override { return "/lock/prod"; }
  std::string_view body() const override { return {}; }
  std::string_view header(std::string_view) const override { return {}; }
};

class OneExchange final : public http::Exchange {
 public:
  const http::Request& request() const override { return request_; }
  std::size_t io() const override { return 0; }
  std::uint64_t id() const override { return 1; }
  std::string_view peer() const override { return ""; }
  std::size_t listener() const override { return 0; }
  std::chrono::steady_clock::time_point began() const override { return {}; }
  void answer(http::Response&& given) override { response = std::move(given); }
  bool client_gone() const override { return client_is_gone; }
  void when_client_gone(std::function<void()> to_call) override { gone = std::move(to_call); }

  bool client_is_gone = false;
  std::function<void()> gone;
  std::optional<http::Response> response;

 private:
  NoRequest request_;
};

// Keeps what was asked; owns what nobody waits for.
class Desk final : public FrontDesk {
 public:
  ~Desk() override {
    for (IoCall* call : words) call->answered();
  }
  bool admits(const http::Request&, std::string&) const override { return true; }
  void ask(IoCall& call, std::size_t) override { (visit == &call ? asked : words).push_back(&call); }
  bool ready() const override { return true; }
  engine::Counters counters() const override { return {}; }
  OpenPolls& polls(std::size_t) override { return open; }
  const locks::Limits& limits() const override { return limits_; }

  IoCall* visit = nullptr;
  std::vector<IoCall*> asked, words;
  OpenPolls open;

 private:
  locks::Limits limits_;
};

class AVisit : public testing::Test {
 protected:
  AVisit() {
    visit_ = std::make_unique<LockerVisit>(desk_, exchange_, "locker");
    desk_.visit = visit_.get();
    visit_->lock = "prod";
    visit_->speech = {.act = LockSpeech::Act::acquire,
                      .native = true,
                      .key = "k",
                      .holder = "h",
                      .claim = "c",
                      .request = "r",
                      .waits = true};
  }

  void ask(std::optional<locks::milliseconds> wait) {
    visit_->question = locks::Command{
        "prod", {}, locks::Acquire{.key = "k", .holder = "h", .claim = "c", .request = "r", .wait = wait}};
    visit_->ask();
    ASSERT_EQ(desk_.asked.size(), 1U);
  }
  unsigned answer(locks::Outcome outcome) {
    visit_->told = std::holds_alternative<locks::Granted>(outcome);  // as the engine counts it
    visit_->answer = std::move(outcome);
    visit_->answered();
    return exchange_.response ? exchange_.response->status : 0;
  }
  const engine::Leave* leave() const {
    return desk_.words.size() == 1 ? std::get_if<engine::Leave>(&desk_.words[0]->question) : nullptr;
  }
  const locks::GiveBack* give_back() const {
    const auto* command =
        desk_.words.empty() ? nullptr : std::get_if<locks::Command>(&desk_.words.back()->question);
    return command == nullptr ? nullptr : std::get_if<locks::GiveBack>(&command->what);
  }

  OneExchange exchange_;
  Desk desk_;
  std::unique_ptr<LockerVisit> visit_;
};

const locks::Granted granted{.version = 7, .token = 7, .count = 1};

TEST_F(AVisit, ThatWaitsIsGrantedWhileItsClientIsThere) {
  ask(30s);
  EXPECT_EQ(answer(granted), 200U);
  EXPECT_TRUE(desk_.words.empty());
}

TEST_F(AVisit, ThatWaitsLeavesTheQueuesDoorWhenItsClientDoes) {
  ask(30s);
  ASSERT_TRUE(exchange_.gone);
  exchange_.gone();
  ASSERT_NE(leave(), nullptr);
  EXPECT_EQ(leave()->lock, "prod");
  EXPECT_EQ(leave()->claim, "c");
  EXPECT_EQ(leave()->poll, visit_.get());
  answer(locks::Queued{.version = 3, .position = 1, .waiters = 1});
  EXPECT_EQ(desk_.words.size(), 1U) << "a place is not given back";
}

TEST_F(AVisit, GivesTheLockBackThatItWasGrantedWhileItsClientLeft) {
  ask(30s);
  exchange_.gone();
  EXPECT_EQ(answer(granted), 503U) << "200 would be a lie";
  ASSERT_NE(give_back(), nullptr);
  EXPECT_EQ(give_back()->claim, "c");
  EXPECT_EQ(give_back()->request, "r");
  EXPECT_EQ(give_back()->token, 7U);
  visit_->unheard();
  EXPECT_EQ(desk_.words.size(), 2U) << "once";
}

TEST_F(AVisit, ThatNobodyCanComeBackForTakesItsPlaceOutOfTheQueue) {
  visit_->nameless = true;
  ask(30s);
  exchange_.gone();
  ASSERT_EQ(desk_.words.size(), 2U);
  EXPECT_NE(std::get_if<engine::Leave>(&desk_.words[0]->question), nullptr);
  const auto* command = std::get_if<locks::Command>(&desk_.words[1]->question);
  ASSERT_NE(command, nullptr);
  const auto* release = std::get_if<locks::Release>(&command->what);
  ASSERT_NE(release, nullptr);
  EXPECT_EQ(command->lock, "prod");
  EXPECT_EQ(release->claim, "c");
  EXPECT_EQ(release->request, "r");
  EXPECT_EQ(release->key, "k");
  // Granted on its way out: an offer whatever happens, and that is taken back too.
  EXPECT_EQ(answer(granted), 503U);
  ASSERT_EQ(desk_.words.size(), 4U);
  EXPECT_NE(std::get_if<locks::GiveBack>(&std::get<locks::Command>(desk_.words[2]->question).what), nullptr);
  EXPECT_NE(std::get_if<locks::Release>(&std::get<locks::Command>(desk_.words[3]->question).what), nullptr);
}

TEST_F(AVisit, LooksForItsClientBeforeItSaysGranted) {
  ask(30s);
  exchange_.client_is_gone = true;
  EXPECT_EQ(answer(granted), 503U);
  EXPECT_NE(give_back(), nullptr);
}

TEST_F(AVisit, GivesTheLockBackWhenItsAnswerWasNotHeard) {
  ask(30s);
  EXPECT_EQ(answer(granted), 200U);
  visit_->unheard();
  ASSERT_NE(give_back(), nullptr);
  visit_->unheard();
  EXPECT_EQ(desk_.words.size(), 1U) << "once";
}

TEST_F(AVisit, SaysThatItWasNotHeardOfALockThatAnEarlierPollWasGrantedToo) {
  ask(30s);
  exchange_.client_is_gone = true;
  locks::Granted again = granted;
  again.again = true;
  EXPECT_EQ(answer(again), 503U);
  visit_->unheard();
  EXPECT_EQ(desk_.words.size(), 1U) << "the engine knows who else heard of it";
}

TEST_F(AVisit, GivesNothingBackThatTheEngineDidNotCount) {
  ask(30s);
  exchange_.client_is_gone = true;
  visit_->answer = locks::Outcome(granted);
  visit_->answered();
  EXPECT_EQ(exchange_.response->status, 200U);
  EXPECT_TRUE(desk_.words.empty());
}

TEST_F(AVisit, ThatDoesNotWaitGivesNothingBack) {
  ask(std::nullopt);
  EXPECT_FALSE(exchange_.gone) << "nobody watches its client";
  exchange_.client_is_gone = true;
  EXPECT_EQ(answer(granted), 200U);
  visit_->unheard();
  EXPECT_TRUE(desk_.words.empty());
}

TEST_F(AVisit, ThatWaitsIsSentHomeWhenTheServerStops) {
  ask(30s);
  desk_.open.close();
  ASSERT_NE(leave(), nullptr);
  EXPECT_EQ(answer(locks::Unavailable{"the client left", false}), 503U);
  EXPECT_EQ(exchange_.response->body, "{\"error\":\"the server is stopping; the place in the queue is kept\"}\n");
  EXPECT_EQ(exchange_.response->headers.at(0).first, "Retry-After");
}

TEST_F(AVisit, ThatComesWhenTheServerStopsDoesNotWait) {
  desk_.open.close();
  ask(30s);
  const auto& command = std::get<locks::Command>(visit_->question);
  EXPECT_EQ(std::get<locks::Acquire>(command.what).wait, 0ms);
  EXPECT_EQ(answer(granted), 200U) << "a free lock is still to be had";
}

TEST_F(AVisit, WhoseTimeIsOverAsTheServerStopsIsSentHomeToo) {
  ask(30s);
  desk_.open.close();
  EXPECT_EQ(answer(locks::Queued{.version = 3, .position = 1, .waiters = 1}), 503U);
}

TEST_F(AVisit, WhoseIntentionIsOverAsTheServerStopsIsToldSo) {
  ask(30s);
  desk_.open.close();
  EXPECT_EQ(answer(locks::Gone{.version = 3}), 410U);
}

TEST_F(AVisit, ThatIsOverIsNotSentHome) {
  ask(30s);
  answer(locks::Queued{.version = 3, .position = 1, .waiters = 1});
  desk_.open.close();
  EXPECT_TRUE(desk_.words.empty());
  EXPECT_EQ(exchange_.response->status, 423U);
}

TEST(RandomName, Has128BitsInHexAndNeverTheSameTwice) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(random_name());
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_EQ(names.begin()->size(), 32U);
  EXPECT_EQ(names.begin()->find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace lockkeeper::server
