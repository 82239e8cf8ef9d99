#include <gtest/gtest.h>

#include "server/doors/lock_list.h"
#include "server/doors/locker_reply.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;
using Act = LockSpeech::Act;

http::Response reply(LockSpeech speech, locks::Outcome outcome) {
  engine::Call call;
  call.answer = std::move(outcome);
  return reply_about_lock("prod", speech, call.answer);
}

const LockSpeech old_put{.act = Act::acquire, .native = false, .key = "k", .holder = "a", .claim = ""};
const LockSpeech old_delete{.act = Act::release, .native = false, .key = "k", .holder = "a", .claim = ""};
const LockSpeech new_put{.act = Act::acquire, .native = true, .key = "k", .holder = "a", .claim = "c"};

TEST(OldReply, HasTheOriginalsWords) {
  EXPECT_EQ(reply(old_put, locks::Granted{.version = 1, .token = 1, .since = {}, .count = 1}).body,
            "{\"response\":\"Lock for 'prod' acquired by 'a' using key 'k'\"}\n");
  EXPECT_EQ(reply(old_delete, locks::Released{.version = 2, .released = 1}).body,
            "{\"response\":\"'a' released a lock on on 'prod'\"}\n");
  const auto refused = reply(old_put, locks::Refused{.version = 1, .holds = {}});
  EXPECT_EQ(refused.status, 423U);
  EXPECT_EQ(refused.body,
            "{\"error\":\"Attempt to steal lock for 'prod' with 'k' by 'a' thwarted. Currently held by someone "
            "else\"}\n");
  const auto not_yours = reply(old_delete, locks::NotYours{.version = 1, .holds = {}});
  EXPECT_EQ(not_yours.status, 423U);
  EXPECT_EQ(not_yours.body,
            "{\"error\":\"Attempt to unlock 'prod' with 'k' by 'a' thwarted. Currently held by someone else\"}\n");
}

TEST(NewReply, AddsVersionAndTokenToTheSameWords) {
  const auto granted = reply(new_put, locks::Granted{.version = 7, .token = 7, .since = {}, .count = 1});
  EXPECT_NE(granted.body.find("\"response\":\"Lock for 'prod' acquired by 'a' using key 'k'\""), std::string::npos);
  EXPECT_NE(granted.body.find("\"token\":7"), std::string::npos);
  const auto refused = reply(new_put, locks::Refused{.version = 9, .holds = {{"b", 2, {}, {}}}});
  EXPECT_EQ(refused.status, 423U);
  EXPECT_NE(refused.body.find("\"version\":9"), std::string::npos);
  EXPECT_NE(refused.body.find("\"holder\":\"b\""), std::string::npos);
}

TEST(NewReply, SaysWhyAnIntentionIsOver) {
  const auto gone = reply(new_put, locks::Gone{.version = 3, .why = locks::Gone::Why::superseded, .holds = {}});
  EXPECT_EQ(gone.status, 410U);
  EXPECT_NE(gone.body.find("\"why\":\"superseded\""), std::string::npos);
}

const LockSpeech poll{
    .act = Act::acquire, .native = true, .key = "k", .holder = "a", .claim = "c", .request = "r", .waits = true};

locks::Queued second_of_five() {
  locks::Queued queued{.version = 9, .position = 2, .waiters = 5, .since = locks::WallTime(5s)};
  queued.holds = {{"b", 1, locks::WallTime(1s), {}}, {"d", 1, locks::WallTime(2s), {}}};
  return queued;
}

TEST(QueuedReply, SaysWhoHoldsTheLockSinceWhenAndWhichPlaceIsKept) {
  const auto told = reply(poll, second_of_five());
  EXPECT_EQ(told.status, 423U);
  EXPECT_TRUE(
      told.body.starts_with("{\"error\":\"'prod' is held by 'b' and 1 other since 1970-01-01T00:00:01.000Z: number "
                            "2 of 5 in its queue; the place is kept for the next poll\","))
      << told.body;
  EXPECT_NE(told.body.find(R"("claim":"c","request":"r","position":2,"waiters":5)"), std::string::npos)
      << told.body;

  locks::Queued between = second_of_five();
  between.holds.clear();
  EXPECT_NE(reply(poll, between).body.find("'prod' is being handed over: number 2"), std::string::npos);
}

TEST(QueuedReply, IsNotGivenToAClaimThatHoldsWithAnotherKeyWhichIsToldWhatToDo) {
  const auto told = reply(poll, locks::Refused{.version = 9, .holds = {{"a", 1, {}, {}}}});
  EXPECT_EQ(told.status, 423U);
  EXPECT_TRUE(told.body.starts_with(
      "{\"error\":\"this claim holds 'prod' with another key: release it first\",\"lock\":\"prod\",\"version\":9,"))
      << told.body;
  EXPECT_EQ(told.body.find("\"position\""), std::string::npos);
}

// With hold-place-for-refused a request that does not wait may have a place too.
TEST(QueuedReply, IsTheOriginalsRefusalToARequestThatDoesNotWait) {
  const std::string thwarted =
      "{\"error\":\"Attempt to steal lock for 'prod' with 'k' by 'a' thwarted. Currently held by someone else\"";
  const auto old = reply(old_put, second_of_five());
  EXPECT_EQ(old.status, 423U);
  EXPECT_EQ(old.body, thwarted + "}\n");
  const auto native = reply(new_put, second_of_five());
  EXPECT_TRUE(native.body.starts_with(thwarted + ",")) << native.body;
  EXPECT_NE(native.body.find("\"position\":2"), std::string::npos);
}

TEST(NewReply, ShowsARequestThatTheServerGave) {
  EXPECT_NE(reply(poll, locks::Granted{.version = 7, .token = 7}).body.find(R"("claim":"c","request":"r")"),
            std::string::npos);
  EXPECT_EQ(reply(new_put, locks::Granted{.version = 7, .token = 7}).body.find("\"request\""), std::string::npos);
}

TEST(RenewReply, SaysWhatIsInEffectOrHowTheClaimEnded) {
  const LockSpeech renew{.act = Act::renew, .native = true};
  const auto renewed = reply(renew, locks::Renewed{.version = 9, .token = 7, .ttl = 30s, .max_hold = 1h});
  EXPECT_EQ(renewed.status, 200U);
  EXPECT_EQ(renewed.body,
            "{\"response\":\"the claim is renewed\",\"lock\":\"prod\",\"version\":9,\"token\":7,\"ttl\":\"30s\","
            "\"max_hold\":\"1h\"}\n");
  EXPECT_NE(reply(renew, locks::Renewed{.version = 9, .token = 7}).body.find("has no ttl"), std::string::npos);
  EXPECT_NE(reply(renew, locks::NotYours{.version = 9}).body.find("'prod' is held with another key"),
            std::string::npos);

  locks::Gone gone{.version = 9, .why = locks::Gone::Why::ended};
  EXPECT_EQ(reply(renew, gone).status, 410U);
  EXPECT_NE(reply(renew, gone).body.find("there is no such claim"), std::string::npos);
  gone.end = locks::End::lapsed;
  EXPECT_NE(reply(renew, gone).body.find(R"("why":"ended","ended":"lapsed")"), std::string::npos);
  EXPECT_NE(reply(renew, gone).body.find("the claim has lapsed"), std::string::npos);
  gone.end = locks::End::forced;
  EXPECT_NE(reply(renew, gone).body.find("ended by force"), std::string::npos);
}

TEST(NewReply, SaysHowAClosedClaimEnded) {
  locks::Gone gone{.version = 3, .why = locks::Gone::Why::closed, .end = locks::End::lapsed};
  EXPECT_NE(reply(new_put, gone).body.find("the claim lapsed after this request began"), std::string::npos);
  gone.end = locks::End::released;
  EXPECT_NE(reply(new_put, gone).body.find("released or withdrawn after"), std::string::npos);
}

TEST(Status, HasACounterAMember) {
  engine::Counters counters;
  counters.commands = 7;
  counters.standing = 3;
  const std::string body = status_reply(counters).body;
  EXPECT_TRUE(body.starts_with("{\"commands\":7,\"commits\":0,")) << body;
  EXPECT_TRUE(body.ends_with(",\"standing\":3}\n")) << body;
}

TEST(EveryReply, HasTheStatusOfItsOutcome) {
  EXPECT_EQ(reply(old_put, locks::Gone{}).status, 410U);
  EXPECT_EQ(reply(old_put, locks::TooMany{.version = 1, .what = "holders"}).status, 409U);
  const auto away = reply(old_put, locks::Unavailable{.why = "no room", .unknown = false});
  EXPECT_EQ(away.status, 503U);
  EXPECT_EQ(away.body, "{\"error\":\"no room\"}\n");
  ASSERT_EQ(away.headers.size(), 1U);
  EXPECT_EQ(away.headers[0].first, "Retry-After");
  EXPECT_EQ(reply(old_put, locks::Unavailable{.why = "late", .unknown = true}).body,
            "{\"error\":\"outcome unknown: late\"}\n");
}

TEST(BodyFault, IsPlainTextOnlyWhereTheOriginalCouldNotDecode) {
  const auto undecodable = body_fault_reply({.undecodable = true, .text = ""}, true);
  EXPECT_EQ(undecodable.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(undecodable.body, "{\"error\":\"No key specified in request body\"}\n");
  const auto no_key = body_fault_reply({}, false);
  EXPECT_EQ(no_key.content_type, "application/json; charset=utf-8");
  EXPECT_EQ(no_key.body, "{\"error\":\"No lock specified in request body\"}\n");
  EXPECT_EQ(body_fault_reply({.undecodable = false, .text = "begun is wrong"}, true).body,
            "{\"error\":\"begun is wrong\"}\n");
}

engine::Scanned slice(std::vector<std::string> names, bool more) {
  engine::Scanned scanned;
  scanned.more = more;
  for (auto& name : names) {
    locks::Record record;
    record.head.version = 1;
    record.head.key = "k";
    record.head.tallies = {{"a", 1, 1, 1, {}}};
    scanned.locks.push_back({std::move(name), record});
  }
  return scanned;
}

TEST(List, IsOneObjectHoweverManySlicesItCameIn) {
  ListText whole(ListQuestion{}), sliced(ListQuestion{});
  const std::string expected = whole.add(slice({"a", "b", "c"}, false));
  std::string text = sliced.add(slice({"a", "b"}, true));
  EXPECT_FALSE(sliced.done());
  EXPECT_EQ(sliced.next_scan().after, "b");
  // A store that passed over many that were not asked for.
  engine::Scanned none = slice({}, true);
  none.up_to = "bb";
  text += sliced.add(none);
  EXPECT_EQ(sliced.next_scan().after, "bb");
  text += sliced.add(slice({"c"}, false));
  EXPECT_TRUE(sliced.done());
  EXPECT_EQ(text, expected);
  EXPECT_EQ(expected.substr(0, 40), "{\"a\":{\"locked_by\":{\"a\":1},\"key\":\"k\"},\"b\"");
}

TEST(List, OfNothingIsAnEmptyObject) {
  ListText list(ListQuestion{});
  EXPECT_EQ(list.add(slice({}, false)), "{}\n");
}

TEST(List, StopsAtItsLimitAndSaysThatThereIsMore) {
  auto asked = parse_list_query("view=full&limit=3&prefix=p&after=b&state=held");
  ListText list(std::get<ListQuestion>(asked));
  EXPECT_EQ(list.next_scan().limit, 3U);
  EXPECT_EQ(list.next_scan().prefix, "p");
  EXPECT_EQ(list.next_scan().after, "b");
  EXPECT_TRUE(list.next_scan().held_only);
  list.add(slice({"a", "b"}, true));
  EXPECT_EQ(list.next_scan().limit, 1U);
  const std::string end = list.add(slice({"c"}, true));
  EXPECT_TRUE(list.done());
  EXPECT_TRUE(end.ends_with("],\"more\":true}\n")) << end;
  EXPECT_EQ(end.find("\"k\""), std::string::npos) << "keys are not shown";
}

TEST(ListQuery, IgnoresWhatTheOriginalIgnored) {
  EXPECT_FALSE(std::get<ListQuestion>(parse_list_query("x=1&y&limit=junk")).full);
}

TEST(ListQuery, RefusesWhatItDoesNotUnderstandOfOurs) {
  for (const char* query : {"view=half", "view=full&limit=0", "view=full&limit=x", "view=full&state=odd"}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_list_query(query))) << query;
  }
}

}  // namespace
}  // namespace lockkeeper::server
