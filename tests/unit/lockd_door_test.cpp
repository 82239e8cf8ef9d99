// lockd's door without a server: what it asks the engine, and what it says to the answers.
#include <gtest/gtest.h>

#include <map>

#include "locks/limits.h"
#include "server/doors/lockd_reply.h"
#include "server/doors/lockd_request.h"
#include "server/doors/lockd_words.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

class ARequest final : public http::Request {
 public:
  ARequest(std::map<std::string, std::string, std::less<>> headers, std::string body)
      : headers_(std::move(headers)), body_(std::move(body)) {}
  std::string_view method() const override { return "POST"; }
  std::string_view target() const override { return "/"; }
  std::string_view body() const override { return body_; }
  std::string_view header(std::string_view name) const override {
    const auto at = headers_.find(name);
    return at == headers_.end() ? std::string_view() : at->second;
  }

 private:
  std::map<std::string, std::string, std::less<>> headers_;
  std::string body_;
};

template <class What>
What lock_of(LockdRequest request) {
  return std::get<What>(lockd_lock(request, "fresh", {}).what);
}
locks::Release unlock_of(const LockdRequest& request) {
  return std::get<locks::Release>(lockd_unlock(request, {}).what);
}

// ---- words

TEST(LockdWords, ALockOfNobodyInParticularIsAPlainClaimWithAKeyOfItsOwn) {
  const auto acquire = lock_of<locks::Acquire>({.name = "a"});
  EXPECT_EQ(acquire.key, "lockd::fresh");
  EXPECT_EQ(acquire.holder, "lockd");
  EXPECT_TRUE(acquire.claim.empty() && acquire.request.empty() && !acquire.ttl && !acquire.wait);
  EXPECT_TRUE(acquire.placeless);
}

TEST(LockdWords, WhoUnlocksShowsTheBeginningOfTheKeyThatItsClientsLocksHave) {
  for (const char* client : {"", "a", "a:b", "100%", "%3A", ":"}) {
    const auto acquire = lock_of<locks::Acquire>({.name = "a", .client_id = client});
    for (const char* other : {"", "a", "a:b", "100%", "%3A", ":"}) {
      const auto release = unlock_of({.name = "a", .client_id = other});
      EXPECT_TRUE(release.key_begins);
      EXPECT_EQ(acquire.key.starts_with(release.key), std::string(client) == other) << client << ", " << other;
    }
    const auto forced = unlock_of({.name = "a", .client_id = "admin", .request_id = "r", .overrides = true});
    EXPECT_TRUE(acquire.key.starts_with(forced.key) && forced.key_begins && forced.claim.empty());
  }
}

TEST(LockdWords, WhatIsWaitedForLeasedOrAskedForAgainHasAName) {
  LockdRequest request{.name = "a", .client_id = "c", .wait = 5s, .ttl = 1min};
  const auto command = lockd_lock(request, "fresh", {"me", "lockd"});
  const auto& acquire = std::get<locks::Acquire>(command.what);
  EXPECT_EQ(request.request_id, "fresh") << "to be told to the client";
  EXPECT_EQ(acquire.key, "lockd:c:fresh");
  EXPECT_EQ(acquire.claim, "lockd:c:fresh");
  EXPECT_EQ(acquire.request, "fresh");
  EXPECT_TRUE(acquire.once);
  EXPECT_EQ(acquire.wait, 5s);
  EXPECT_EQ(acquire.ttl, 1min);
  EXPECT_EQ(command.caller.door, "lockd");

  LockdRequest known{.name = "a", .client_id = "c", .request_id = "r"};
  const auto named = lockd_lock(known, "fresh", {});
  EXPECT_EQ(std::get<locks::Acquire>(named.what).claim, "lockd:c:r");
  EXPECT_EQ(std::get<locks::Acquire>(named.what).key, "lockd:c:fresh") << "the name is shown, the key is not";

  const auto release = unlock_of({.name = "a", .client_id = "c", .request_id = "r"});
  EXPECT_EQ(release.key, "lockd:c:");
  EXPECT_EQ(release.claim, "lockd:c:r");
  EXPECT_EQ(release.request, "r");
  EXPECT_TRUE(release.key_begins);
}

TEST(LockdWords, ItsLongestIdsFitIntoAKey) {
  const LockdRequest longest{
      .name = "a", .client_id = std::string(128, ':'), .request_id = std::string(128, 'r'), .ttl = 1s};
  EXPECT_EQ(lockd_fault(LockdAct::lock, longest), std::nullopt);
  LockdRequest request = longest;
  EXPECT_EQ(locks::fault(lockd_lock(request, "", {}), locks::Limits()), std::nullopt);
}

TEST(LockdWords, EveryOutcomeHasAVerdict) {
  const std::vector<locks::Hold> held{{"b", 1, {}, {}}};
  const auto verdict = [](LockdAct act, const locks::Outcome& outcome) {
    return lockd_answer(act, outcome).verdict;
  };
  EXPECT_EQ(verdict(LockdAct::lock, locks::Granted{.token = 3}), Verdict::done);
  EXPECT_EQ(verdict(LockdAct::lock, locks::Refused{.holds = held}), Verdict::conflict);
  EXPECT_EQ(verdict(LockdAct::lock, locks::Queued{.holds = held}), Verdict::conflict);
  EXPECT_EQ(verdict(LockdAct::lock, locks::Gone{}), Verdict::conflict);
  EXPECT_EQ(verdict(LockdAct::lock, locks::TooMany{.what = "waiters"}), Verdict::too_many);
  EXPECT_EQ(verdict(LockdAct::lock, locks::Unavailable{}), Verdict::unavailable);
  EXPECT_EQ(verdict(LockdAct::unlock, locks::Released{.released = 1}), Verdict::done);
  EXPECT_EQ(verdict(LockdAct::unlock, locks::Released{}), Verdict::not_found);
  EXPECT_EQ(verdict(LockdAct::unlock, locks::NotYours{.holds = held}), Verdict::conflict);
  EXPECT_EQ(verdict(LockdAct::renew, locks::Renewed{}), Verdict::done);
  EXPECT_EQ(verdict(LockdAct::renew, locks::Gone{}), Verdict::not_found);
  EXPECT_EQ(verdict(LockdAct::renew, locks::Gone{.holds = held}), Verdict::conflict);
  EXPECT_EQ(verdict(LockdAct::is_locked, locks::Inspected{}), Verdict::not_found);
  locks::Inspected inspected;
  inspected.record.head.tallies.push_back({"somebody", 1, 1, 1, {}});
  EXPECT_EQ(verdict(LockdAct::is_locked, inspected), Verdict::done);
}

// ---- requests

TEST(LockdPath, IsCleanedAsTheOriginalDid) {
  const std::pair<const char*, const char*> paths[] = {{"//lock/foo", "/lock/foo"},
                                                       {"/lock//foo", "/lock/foo"},
                                                       {"/lock/./foo", "/lock/foo"},
                                                       {"/x/../lock/foo", "/lock/foo"},
                                                       {"/lock/bar/../foo", "/lock/foo"},
                                                       {"/lock/..", "/"},
                                                       {"/lock/.", "/lock/"},
                                                       {"/lock/%2E", "/lock/"},
                                                       {"/lock/a%2Fb", "/lock/a/b"},
                                                       {"/lock/a%2F", "/lock/a/"},
                                                       {"/../../lock/foo", "/lock/foo"},
                                                       {"/lock/...", "/lock/..."},
                                                       {"/lock/f%6F%6f", "/lock/foo"},
                                                       {"", "/"},
                                                       {"/", "/"},
                                                       {"/lock/a%25%32%46", "/lock/a%2F"}};
  for (const auto& [sent, cleaned] : paths) EXPECT_EQ(lockd_path(sent), cleaned) << sent;
  EXPECT_EQ(lockd_path("/lock/a%4"), std::nullopt);
}

std::variant<LockdQuestion, std::string> asked(const char* type, const char* body, const char* query = "") {
  return old_lockd_question(LockdAct::lock, query, ARequest({{"Content-Type", type}}, body));
}

std::string name_in(const char* type, const char* body, const char* query = "") {
  const auto question = asked(type, body, query);
  if (const auto* fault = std::get_if<std::string>(&question)) return "fault: " + *fault;
  return std::get<LockdQuestion>(question).request.name;
}

TEST(LockdBody, IsReadByItsType) {
  EXPECT_EQ(name_in("application/json", R"({"name":"a"})"), "a");
  EXPECT_EQ(name_in("application/json;x", R"({"name":"a","NAME":"b"} and more)"), "b");
  EXPECT_EQ(name_in("application/json", R"({"n":{"name":"x"},"name":"a","name":null,"ttl":5})"), "a");
  EXPECT_EQ(name_in("application/x-www-form-urlencoded", "name=a+b%21&name=c", "name=d"), "a b!");
  EXPECT_EQ(name_in("application/x-www-form-urlencoded", "", "name=d"), "d");
  EXPECT_EQ(name_in("", "name=a", "x=1&name=d&name=e"), "d");
  EXPECT_EQ(name_in("application/xml", "<LockRequest><Name>a&amp;b</Name></LockRequest>"), "a&b");
  for (const auto* fault :
       {R"({"name":""})", "{}", "null", "[]", R"({"name":5})", "{", "", "nonsense", R"({"name":["a"]})"}) {
    EXPECT_TRUE(name_in("application/json", fault, "name=d").starts_with("fault: ")) << fault;
  }
}

TEST(LockdBody, OfXmlIsThatOneDocument) {
  const char* good[] = {"<?xml version=\"1.0\"?><LockRequest><Name>a</Name></LockRequest>",
                        " <LockRequest >\n\t<Name\n>a</Name ></LockRequest>\r\n"};
  for (const char* text : good) EXPECT_EQ(name_in("text/xml", text), "a") << text;
  const char* bad[] = {"",
                       "<",
                       "<LockRequest",
                       "<LockRequest><Name>a",
                       "<LockRequest><Name>a</Name>",
                       "<LockRequest><Name>a</LockRequest></Name>",
                       "<LockRequest><Names>a</Names></LockRequest>",
                       "<LockRequest><Name>&unknown;</Name></LockRequest>",
                       "<LockRequest><Name>&</Name></LockRequest>",
                       "<LockRequest><Name>a<b/></Name></LockRequest>",
                       "<LockRequest x='1'><Name>a</Name></LockRequest>",
                       "<LockRequest><Name><![CDATA[a]]></Name></LockRequest>",
                       "<!DOCTYPE a><LockRequest><Name>a</Name></LockRequest>",
                       "<LockRequest><Name>a</Name></LockRequest>x",
                       "<?xml <LockRequest><Name>a</Name></LockRequest>"};
  for (const char* text : bad) {
    EXPECT_EQ(name_in("text/xml", text), "fault: the body is not <LockRequest><Name>...</Name></LockRequest>")
        << text;
  }
}

TEST(LockdBody, HasTheFieldsThatAreOurs) {
  const auto question = std::get<LockdQuestion>(
      asked("application/json",
            R"({"name":"a","client_id":"c","request_id":"r","wait":"5s","ttl":"1m","override":"false"})"));
  EXPECT_TRUE(question.ours);
  EXPECT_EQ(question.request.client_id, "c");
  EXPECT_EQ(question.request.request_id, "r");
  EXPECT_EQ(question.request.wait, 5s);
  EXPECT_EQ(question.request.ttl, 1min);
  EXPECT_FALSE(question.request.overrides);
  const auto old = std::get<LockdQuestion>(asked("application/json", R"({"name":"a","ttl":5,"x":1})"));
  EXPECT_FALSE(old.ours || old.request.ttl);
}

TEST(LockdHeaders, HaveTheLastWord) {
  const auto question = std::get<LockdQuestion>(old_lockd_question(
      LockdAct::unlock, "",
      ARequest({{"Content-Type", "application/json"}, {"Lock-Client-Id", "header"}, {"Lock-Override", "true"}},
               R"({"name":"a","client_id":"body","request_id":"r"})")));
  EXPECT_EQ(question.request.client_id, "header");
  EXPECT_EQ(question.request.request_id, "r");
  EXPECT_TRUE(question.request.overrides);
}

// ---- replies

LockdQuestion question(LockdAct act, LockdApi api, bool ours = false) {
  return {act, api, ours, {.name = "a"}};
}

TEST(LockdReply, HasTheOriginalsBytes) {
  const locks::Outcome granted = locks::Granted{.token = 7}, refused = locks::Refused{.holds = {{"b", 1, {}, {}}}},
                       nothing = locks::Released{}, free = locks::Inspected{};
  struct Row {
    LockdQuestion question;
    const locks::Outcome& outcome;
    unsigned status;
    const char* body;
  };
  const Row rows[] = {
      {question(LockdAct::lock, LockdApi::name_in_path), granted, 200, "{}\n"},
      {question(LockdAct::lock, LockdApi::name_in_body), granted, 200, "{}\n"},
      {question(LockdAct::lock, LockdApi::name_in_path), refused, 409, "{\"error\":\"Lock conflict\"}\n"},
      {question(LockdAct::lock, LockdApi::name_in_body), refused, 409, "{}\n"},
      {question(LockdAct::unlock, LockdApi::name_in_path), nothing, 404, "{\"error\":\"Not Found\"}\n"},
      {question(LockdAct::unlock, LockdApi::name_in_body), nothing, 409, "{}\n"},
      {question(LockdAct::is_locked, LockdApi::name_in_path), free, 404, "{\"error\":\"Not Found\"}\n"},
      {question(LockdAct::is_locked, LockdApi::name_in_body), free, 404, "{}\n"},
  };
  for (const Row& row : rows) {
    const auto response = lockd_reply(row.question, row.outcome);
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(response.body, row.body);
    EXPECT_EQ(response.content_type, "application/json; charset=utf-8");
    EXPECT_TRUE(response.headers.empty());
  }
}

TEST(LockdReply, SaysMoreToWhoSentMore) {
  LockdQuestion mine = question(LockdAct::lock, LockdApi::name_in_path, true);
  mine.request.request_id = "r";
  const auto granted = lockd_reply(mine, locks::Granted{.token = 7});
  EXPECT_EQ(granted.body, "{}\n");
  const std::vector<std::pair<std::string, std::string>> headers{{"Lock-Token", "7"}, {"Lock-Request-Id", "r"}};
  EXPECT_EQ(granted.headers, headers);
  const auto queued =
      lockd_reply(mine, locks::Queued{.position = 2, .waiters = 5, .holds = {{"<b>", 1, locks::WallTime(1s), {}}}});
  EXPECT_EQ(queued.status, 409U);
  EXPECT_EQ(queued.body,
            "{\"error\":\"Lock conflict\",\"holder\":\"\\u003cb\\u003e\",\"since\":\"1970-01-01T00:00:01.000Z\","
            "\"position\":2,\"waiters\":5}\n");
}

TEST(LockdReply, IsHonestWhenThereIsNone) {
  const auto response = lockd_reply(question(LockdAct::is_locked, LockdApi::name_in_path),
                                    locks::Unavailable{"the store does not answer", false});
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.body, "{\"error\":\"the store does not answer\"}\n");
  EXPECT_EQ(response.headers.front().first, "Retry-After");
  EXPECT_EQ(lockd_reply(question(LockdAct::lock, LockdApi::name_in_body), locks::TooMany{.what = "claims"}).body,
            "{\"error\":\"too many claims\"}\n");
}

}  // namespace
}  // namespace lockkeeper::server
