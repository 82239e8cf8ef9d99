// shared-lock's door without a server: what it asks the engine, and what it says to the answers.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "server/doors/open_polls.h"
#include "server/doors/shared_lock.h"
#include "server/doors/shared_lock_words.h"
#include "server/target.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

constexpr const char* text_plain = "text/plain; charset=utf-8";
constexpr const char* json = "application/json; charset=utf-8";

class ARequest final : public http::Request {
 public:
  std::string_view method() const override { return method_; }
  std::string_view target() const override { return target_; }
  std::string_view body() const override { return body_; }
  std::string_view header(std::string_view name) const override {
    return name == "x-lease-ttl" ? std::string_view(ttl_) : std::string_view();
  }

  std::string method_, target_, body_, ttl_;
};

class AnExchange final : public http::Exchange {
 public:
  const http::Request& request() const override { return request_; }
  std::size_t io() const override { return 0; }
  std::uint64_t id() const override { return 1; }
  std::string_view peer() const override { return ""; }
  std::size_t listener() const override { return 0; }
  std::chrono::steady_clock::time_point began() const override { return std::chrono::steady_clock::now(); }
  void answer(http::Response&& given) override { response = std::move(given); }
  bool client_gone() const override { return false; }
  void when_client_gone(std::function<void()>) override {}

  ARequest request_;
  std::optional<http::Response> response;
};

class Desk final : public FrontDesk {
 public:
  bool admits(const http::Request&, std::string& user) const override {
    user = "somebody";
    return !locked_up;
  }
  void ask(IoCall& call, std::size_t) override { asked = &call; }
  bool ready() const override { return true; }
  engine::Counters counters() const override { return {}; }
  OpenPolls& polls(std::size_t) override { return open_; }
  const locks::Limits& limits() const override { return limits_; }
  void add_metrics(http::MetricsPage::Source source) override { page_.add(std::move(source)); }
  std::string metrics_text() const override { return page_.text(); }

  IoCall* asked = nullptr;
  bool locked_up = false;

 private:
  OpenPolls open_;
  locks::Limits limits_;
  http::MetricsPage page_;
};

class TheSharedLockDoor : public testing::Test {
 protected:
  // The answer, or nothing when the engine was asked.
  std::optional<http::Response> send(std::string method, std::string target, std::string body = "",
                                     std::string ttl = "") {
    exchange_ = std::make_unique<AnExchange>();
    desk_.asked = nullptr;
    exchange_->request_.method_ = std::move(method);
    exchange_->request_.target_ = std::move(target);
    exchange_->request_.body_ = std::move(body);
    exchange_->request_.ttl_ = std::move(ttl);
    door_.serve(*exchange_, split_target(exchange_->request_.target()));
    return std::move(exchange_->response);
  }
  http::Response refusal(std::string method, std::string target, std::string body = "", std::string ttl = "") {
    auto response = send(std::move(method), std::move(target), std::move(body), std::move(ttl));
    EXPECT_EQ(desk_.asked, nullptr);
    EXPECT_TRUE(response);
    return response ? std::move(*response) : http::Response{};
  }
  http::Response lease(const std::string& body, const std::string& ttl, locks::Outcome outcome) {
    EXPECT_FALSE(send("POST", "/lease", body, ttl));
    return hear(std::move(outcome));
  }
  http::Response hear(locks::Outcome outcome) {
    desk_.asked->answer = std::move(outcome);
    desk_.asked->answered();
    return std::move(*exchange_->response);
  }
  locks::Acquire asked_for(const std::string& body, const std::string& ttl = "") {
    EXPECT_FALSE(send("POST", "/lease", body, ttl));
    return std::get<locks::Acquire>(std::get<locks::Command>(desk_.asked->question).what);
  }
  std::string metrics() { return desk_.metrics_text(); }

  Desk desk_;
  SharedLockDoor door_{desk_};
  std::unique_ptr<AnExchange> exchange_;
};

TEST_F(TheSharedLockDoor, TakesALockUnderANewIdForEachLease) {
  const auto acquire = asked_for(R"({"key":"job","value":"host-1","labels":{"env":"prod"}})", "60s");
  const auto& command = std::get<locks::Command>(desk_.asked->question);
  EXPECT_EQ(command.lock, "job");
  EXPECT_EQ(command.caller.door, "shared-lock");
  EXPECT_EQ(command.caller.by, "somebody");
  EXPECT_EQ(named_lease(acquire.key), acquire.key) << "a decimal number of 64 bits";
  EXPECT_EQ(acquire.claim, "lease:" + acquire.key);
  EXPECT_EQ(acquire.request, acquire.key);
  EXPECT_EQ(acquire.holder, "host-1");
  EXPECT_EQ(acquire.ttl, 60s);
  EXPECT_FALSE(acquire.wait);
  EXPECT_EQ(acquire.metadata, (locks::Metadata{{"lease", acquire.key}, {"env", "prod"}}));

  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(asked_for(R"({"key":"job"})").key);
  EXPECT_EQ(ids.size(), 1000U);
}

TEST_F(TheSharedLockDoor, CallsAHolderWithoutAValueAfterItsLease) {
  const auto acquire = asked_for(R"({"key":"job"})");
  EXPECT_EQ(acquire.holder, "lease " + acquire.key);
  EXPECT_EQ(acquire.ttl, 10s);
}

TEST_F(TheSharedLockDoor, KeepsAValueThatIsTooLongForAHolderInTheMetadata) {
  const std::string value(2000, 'v');
  const auto acquire = asked_for(R"({"key":"job","value":")" + value + R"(","labels":{"value":"a","lease":"b"}})");
  EXPECT_EQ(acquire.holder, "lease " + acquire.key);
  EXPECT_EQ(
      acquire.metadata,
      (locks::Metadata{{"lease", acquire.key}, {"value", value}, {"label value", "a"}, {"label lease", "b"}}));
}

TEST_F(TheSharedLockDoor, GivesEachLabelANameOfItsOwn) {
  const auto acquire = asked_for(R"({"key":"job","labels":{"lease":"1","label lease":"2","value":"3"}})");
  EXPECT_EQ(acquire.metadata,
            (locks::Metadata{
                {"lease", acquire.key}, {"label label lease", "1"}, {"label lease", "2"}, {"label value", "3"}}));
}

TEST_F(TheSharedLockDoor, RefusesWhatDoesNotFit) {
  const auto refused = [&](const std::string& body) {
    const auto response = refusal("POST", "/lease", body);
    EXPECT_EQ(response.status, 400U) << body;
    EXPECT_EQ(response.content_type, json);
    return response.body;
  };
  EXPECT_EQ(refused(R"({"key":"a\u0000b"})"),
            "{\"error\":\"the lock's name has a control character at byte 1\"}\n");
  refused(R"({"key":")" + std::string(513, 'k') + R"("})");
}

TEST_F(TheSharedLockDoor, DropsWhatThereIsNoRoomForAsTheOriginalDroppedAll) {
  const auto long_value = asked_for(R"({"key":"a","value":")" + std::string(5000, 'v') + R"("})", "60s");
  EXPECT_EQ(long_value.holder, "lease " + long_value.key);
  EXPECT_EQ(long_value.metadata, (locks::Metadata{{"lease", long_value.key}}));
  std::string labels;
  for (int i = 0; i < 20; ++i) labels += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  EXPECT_EQ(asked_for(R"({"key":"a","labels":{)" + labels + "}}", "60s").metadata.size(), 16U);
}

TEST_F(TheSharedLockDoor, NeedsAKeyAndADurationThatAreSound) {
  for (const char* body : {"{}", R"({"key":""})", R"({"key":null})", R"({"value":"x"})", "null"}) {
    EXPECT_EQ(refusal("POST", "/lease", body).body, "{\"error\":\"the lease's key is missing\"}\n") << body;
  }
  for (const char* ttl : {"30", "1d", "soon", "PT60S", "0s", "0", "-5s", "2562048h"}) {
    const auto response = refusal("POST", "/lease", R"({"key":"a"})", ttl);
    EXPECT_EQ(response.status, 400U) << ttl;
    EXPECT_EQ(response.content_type, json);
  }
  EXPECT_EQ(refusal("POST", "/lease", R"({"key":"a"})", "99ms").body,
            "{\"error\":\"ttl is shorter than 100ms\"}\n");
  EXPECT_EQ(refusal("POST", "/lease", R"({"key":"a"})", "1ns").status, 400U);
  EXPECT_EQ(asked_for(R"({"key":"a"})", "1h1ns").ttl, 1h);
  EXPECT_EQ(asked_for(R"({"key":"a"})", "100ms").ttl, 100ms);
  EXPECT_EQ(asked_for(R"({"key":"a"})", "2562047h").ttl, std::chrono::hours(876'000)) << "100 years";
}

TEST_F(TheSharedLockDoor, SaysInTheOriginalsWordsThatABodyIsNoJson) {
  const auto response = refusal("POST", "/lease", "{");
  EXPECT_EQ(response.status, 400U);
  EXPECT_EQ(response.content_type, text_plain);
  EXPECT_EQ(response.body, "Failed to unmarshal request body\n");
}

TEST_F(TheSharedLockDoor, TellsTheIdOfANewLease) {
  ASSERT_FALSE(send("POST", "/lease", R"({"key":"a"})"));
  const std::string id = std::get<locks::Acquire>(std::get<locks::Command>(desk_.asked->question).what).key;
  const auto response = hear(locks::Granted{.version = 1, .token = 1});
  EXPECT_EQ(response.status, 201U);
  EXPECT_EQ(response.content_type, text_plain);
  EXPECT_EQ(response.body, id);
}

locks::Refused held_by(const std::string& holder, locks::Metadata metadata, int since = 7) {
  return {.version = 3,
          .holds = {{.holder = holder,
                     .count = 1,
                     .since = locks::WallTime(std::chrono::milliseconds(since)),
                     .metadata = std::move(metadata)}}};
}

TEST_F(TheSharedLockDoor, TellsALoserTheIdOfTheLeaseThatHasTheKey) {
  const auto response = lease(R"({"key":"a"})", "", held_by("v", {{"lease", "9223372036854775807"}, {"x", "y"}}));
  EXPECT_EQ(response.status, 202U);
  EXPECT_EQ(response.content_type, text_plain);
  EXPECT_EQ(response.body, "9223372036854775807");
}

TEST_F(TheSharedLockDoor, TellsALoserANumberOfItsOwnForEachHoldOfAnotherDoor) {
  const auto winner_of = [&](const std::string& lock, const locks::Refused& refused) {
    const std::string id = lease(R"({"key":")" + lock + R"("})", "", refused).body;
    EXPECT_EQ(named_lease(id), id);
    EXPECT_NE(id.front(), '-');
    EXPECT_NE(id, "0");
    return id;
  };
  const auto pipeline = held_by("pipeline", {});
  EXPECT_EQ(winner_of("a", pipeline), winner_of("a", pipeline));
  const std::set<std::string> ids{winner_of("a", pipeline), winner_of("b", pipeline),
                                  winner_of("a", held_by("other", {})), winner_of("a", held_by("pipeline", {}, 8)),
                                  winner_of("a", {.version = 3, .holds = {}})};
  EXPECT_EQ(ids.size(), 5U);
  for (const char* no_id : {"mine", "0", "-5", "007", "9223372036854775808", ""}) {
    EXPECT_EQ(winner_of("a", held_by("pipeline", {{"lease", no_id}})), winner_of("a", pipeline)) << no_id;
  }
  EXPECT_EQ(winner_of("a", pipeline), "7032991449258032889") << "the same on every server";
}

TEST_F(TheSharedLockDoor, RenewsALeaseByItsIdAlone) {
  for (const char* body : {"123", " 123\r\n", "+123", "000123"}) {
    ASSERT_FALSE(send("POST", "/keepalive", body)) << body;
    const auto& renewal = std::get<engine::RenewLease>(desk_.asked->question);
    EXPECT_EQ(renewal.renew.key, "123");
    EXPECT_EQ(renewal.renew.claim, "lease:123");
    EXPECT_FALSE(renewal.renew.ttl || renewal.renew.token);
    EXPECT_EQ(renewal.caller.door, "shared-lock");
  }
  const auto response = hear(locks::Renewed{.version = 4, .token = 1});
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "");
  EXPECT_EQ(response.body, "");
}

TEST_F(TheSharedLockDoor, SaysThatALeaseIsOver) {
  for (const locks::Outcome& outcome : {locks::Outcome(locks::Gone{}), locks::Outcome(locks::NotYours{})}) {
    ASSERT_FALSE(send("POST", "/keepalive", "-5"));
    EXPECT_EQ(hear(outcome).status, 204U);
  }
}

TEST_F(TheSharedLockDoor, RefusesWhatIsNoId) {
  for (const char* body :
       {"", " ", "abc", "12a", "1.5", "1e3", "0x10", "1_000", "9223372036854775808", "-9223372036854775809", "１２",
        "\"5\"", "{\"id\":5}", "[5]", "null", "1 2", "+-5", "++5", "+"}) {
    const auto response = refusal("POST", "/keepalive", body);
    EXPECT_EQ(response.status, 400U) << body;
    EXPECT_EQ(response.content_type, json);
  }
}

TEST_F(TheSharedLockDoor, SaysWhenNobodyCanTell) {
  EXPECT_EQ(lease(R"({"key":"a"})", "", locks::Unavailable{"the store does not answer", true}).status, 503U);
  ASSERT_FALSE(send("POST", "/keepalive", "5"));
  const auto response = hear(locks::Unavailable{"leases of an earlier run are still being read"});
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.headers.at(0).first, "Retry-After");
  EXPECT_EQ(lease(R"({"key":"a"})", "", locks::TooMany{.version = 1, .what = "claims"}).status, 409U);
}

TEST_F(TheSharedLockDoor, ChangesNothingButByPost) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"}) {
    for (const char* path : {"/lease", "/keepalive"}) {
      const auto response = refusal(method, path, R"({"key":"a"})");
      EXPECT_EQ(response.status, 405U) << method << ' ' << path;
      EXPECT_EQ(response.headers.at(0), (std::pair<std::string, std::string>("Allow", "POST")));
    }
  }
  for (const char* path : {"/", "/nope", "/lease/", "/lease/a", "/LEASE", "/lease%2F", "//lease", "/lease%zz"}) {
    EXPECT_EQ(refusal("POST", path, R"({"key":"a"})").status, 404U) << path;
  }
  EXPECT_FALSE(send("POST", "/%6cease?x-lease-ttl=1", R"({"key":"a"})")) << "an escape is what it stands for";
}

TEST_F(TheSharedLockDoor, ShowsOnlyItsHealthWithoutCredentials) {
  desk_.locked_up = true;
  EXPECT_EQ(refusal("GET", "/health").status, 200U);
  EXPECT_EQ(refusal("GET", "/metrics").status, 401U);
  EXPECT_EQ(refusal("POST", "/lease", R"({"key":"a"})").status, 401U);
  EXPECT_EQ(refusal("POST", "/keepalive", "5").status, 401U);
}

TEST_F(TheSharedLockDoor, CountsWhatTheOriginalCounted) {
  lease(R"({"key":"a"})", "", locks::Granted{});
  lease(R"({"key":"a"})", "", held_by("v", {}));
  lease(R"({"key":"a"})", "", locks::Unavailable{});
  refusal("POST", "/lease", "{");
  send("POST", "/keepalive", "5");
  hear(locks::Renewed{});
  send("POST", "/keepalive", "5");
  hear(locks::Gone{});
  const std::string page = refusal("GET", "/metrics").body;
  for (const char* line : {R"(shared_lock_lease_operations_total{operation="get",status="created"} 1)",
                           R"(shared_lock_lease_operations_total{operation="get",status="accepted"} 1)",
                           R"(shared_lock_lease_operations_total{operation="get",status="error"} 1)",
                           R"(shared_lock_lease_operations_total{operation="prolong",status="success"} 1)",
                           R"(shared_lock_lease_operations_total{operation="prolong",status="failure"} 1)",
                           R"(shared_lock_lease_grant_duration_seconds_count{operation="get"} 1)"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << "\n" << page;
  }
}

}  // namespace
}  // namespace lockkeeper::server
