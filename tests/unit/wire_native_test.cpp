#include <gtest/gtest.h>

#include <string>

#include "wire/native_json.h"
#include "wire/record_json.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {
namespace {

using namespace std::chrono_literals;
using locks::WallTime;

const WallTime nine_o_clock = *parse_time("2026-11-21T09:00:00.000Z");

std::string text_of(std::string_view text) {
  std::string out;
  write_text(text, out);
  return out;
}

locks::Record shared_record() {
  locks::Record record;
  record.head = {9, 0, "k1", {{"a", 2, 3, 5, nine_o_clock + 1min}, {"b", 1, 1, 1, nine_o_clock}}, nine_o_clock};
  record.claims = {{"claim<1>", "a", 2, nine_o_clock + 30s, "r", 1, {{"build", "http://ci/&"}}, "ann"},
                   {"", "z", 8, nine_o_clock + 2min, "", 0, {{"x", "y"}}}};
  return record;
}

TEST(NativeText, IsEscapedAsTheOriginalDid) {
  EXPECT_EQ(text_of("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
  EXPECT_EQ(text_of("<>&'\"\\/"), R"("\u003c\u003e\u0026'\"\\/")");
  EXPECT_EQ(text_of("\u2028\u2029\u2027\u202A"), "\"\\u2028\\u2029\u2027\u202A\"");
  EXPECT_EQ(text_of("schlüssel 日本語 😀"), "\"schlüssel 日本語 😀\"");
  EXPECT_EQ(text_of("a\xFF\xED\xA0\x80z"), R"("a\ufffd\ufffd\ufffd\ufffdz")");
  EXPECT_EQ(text_of("cut \xE6\x97"), R"("cut \ufffd\ufffd")");
  EXPECT_EQ(text_of(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(NativeAnswers, AreTheOriginalsBytesForOldRequests) {
  std::string out;
  write_response("Lock for 'a<b>&c' acquired by 'r' using key 'k'", out);
  EXPECT_EQ(out, "{\"response\":\"Lock for 'a\\u003cb\\u003e\\u0026c' acquired by 'r' using key 'k'\"}\n");
  out.clear();
  write_error("No key specified in request body", out);
  EXPECT_EQ(out, "{\"error\":\"No key specified in request body\"}\n");
}

TEST(OldList, HasHoldersSortedByBytesWithAllTheirClaimsAndThenTheKey) {
  std::string out;
  write_old_lock_member("prod", shared_record(), out);
  EXPECT_EQ(out, R"("prod":{"locked_by":{"a":3,"b":1,"z":1},"key":"k1"})");

  out = "{";
  locks::Record tallied;
  tallied.head.key = "<k>";
  tallied.head.tallies = {{"A", 1}, {"a", 40}, {"ä", 2}};
  write_old_lock_member("a\"b", tallied, out);
  EXPECT_EQ(out, R"({"a\"b":{"locked_by":{"A":1,"a":40,"ä":2},"key":"\u003ck\u003e"})");
}

TEST(OldList, IsReadAsAnOriginalServerWritesIt) {
  const auto locks =
      read_old_locks("{\"a\":{\"locked_by\":{\"k\":0,\"r\":-2},\"key\":\"\"},\"b\":{\"key\":\"x\"}}\n");
  ASSERT_EQ(locks.size(), 2U);
  EXPECT_EQ(locks[0].lock, "a");
  EXPECT_EQ(locks[0].locked_by, (std::vector<std::pair<std::string, std::int64_t>>{{"k", 0}, {"r", -2}}));
  EXPECT_EQ(locks[1].key, "x");
  EXPECT_TRUE(read_old_locks("{}\n").empty());
  EXPECT_THROW(read_old_locks("[]"), WireError);
  EXPECT_THROW(read_old_locks(R"({"a":{"locked_by":{"k":"1"}}})"), WireError);
}

TEST(NativeLock, TellsTheWholeStoryOldestFirst) {
  std::string out;
  write_lock("prod", shared_record(), out);
  const LockView view = read_lock(out);
  EXPECT_EQ(view.lock, "prod");
  EXPECT_TRUE(view.held);
  EXPECT_EQ(view.version, 9U);
  EXPECT_EQ(view.count, 5U);
  ASSERT_EQ(view.holders.size(), 3U);
  EXPECT_EQ(view.holders[0].holder, "b");
  EXPECT_EQ(view.holders[1].holder, "a");
  EXPECT_EQ(view.holders[1].count, 3U);
  EXPECT_EQ(view.holders[1].since, nine_o_clock + 30s);
  EXPECT_EQ(view.holders[1].metadata, (locks::Metadata{{"build", "http://ci/&"}}));
  ASSERT_EQ(view.claims.size(), 4U);
  EXPECT_EQ(view.claims[0].holder, "b");
  EXPECT_EQ(view.claims[1].claim, "claim<1>");
  EXPECT_EQ(view.claims[1].token, 2U);
  EXPECT_EQ(view.claims[1].by, "ann");
  EXPECT_EQ(view.claims[2].count, 2U);
  EXPECT_EQ(view.claims[2].token, 5U);
  EXPECT_EQ(view.claims[3].holder, "z");
  EXPECT_EQ(out.find("k1"), std::string::npos) << "the key is a secret";
}

TEST(NativeLock, ShowsLeasesOffersAndTheQueueInItsOrder) {
  locks::Record record;
  record.head.version = 12;
  record.head.key = "k1";
  record.head.mean_hold = 150s;
  record.claims = {{.name = "leased", .holder = "a", .token = 7, .since = nine_o_clock, .ttl = 30s, .max_hold = 1h},
                   {.name = "late", .holder = "b", .token = 8, .since = nine_o_clock, .offered = 60s}};
  record.waiters = {{.name = "w1",
                     .key = "secret",
                     .holder = "c",
                     .place = 9,
                     .since = nine_o_clock,
                     .metadata = {{"build", "7"}},
                     .by = "ann",
                     .ttl = 500ms},
                    {.key = "secret", .holder = "d", .place = 11, .since = nine_o_clock + 1s}};
  std::string out;
  write_lock("prod", record, out);
  EXPECT_NE(out.find(R"("mean_hold":"2m30s")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("by":"ann")"), std::string::npos) << out;
  EXPECT_EQ(out.find("secret"), std::string::npos) << "so is a waiter's key";
  const LockView view = read_lock(out);
  EXPECT_EQ(view.claims.at(0).ttl, 30s);
  EXPECT_EQ(view.claims.at(0).max_hold, 1h);
  EXPECT_FALSE(view.claims.at(0).offered.has_value());
  EXPECT_EQ(view.claims.at(1).offered, 60s);
  ASSERT_EQ(view.queue.size(), 2U);
  EXPECT_EQ(view.queue[0].claim, "w1");
  EXPECT_EQ(view.queue[0].holder, "c");
  EXPECT_EQ(view.queue[0].place, 9U);
  EXPECT_EQ(view.queue[0].since, nine_o_clock);
  EXPECT_EQ(view.queue[0].metadata, (locks::Metadata{{"build", "7"}}));
  EXPECT_EQ(view.queue[0].ttl, 500ms);
  EXPECT_EQ(view.queue[0].by, "ann");
  EXPECT_EQ(view.mean_hold, 150s);
  EXPECT_EQ(view.queue[1].claim, "");
  EXPECT_EQ(view.queue[1].place, 11U);
}

TEST(NativeLock, IsFreeWithoutASince) {
  std::string out;
  write_lock("prod", locks::absent(4), out);
  EXPECT_EQ(out,
            "{\"lock\":\"prod\",\"state\":\"free\",\"version\":4,\"count\":0,\"holders\":[],\"claims\":[],"
            "\"queue\":[]}\n");
  EXPECT_FALSE(read_lock(out).held);
}

TEST(NativeLock, StandsInAListAfterOthers) {
  std::string out = "[";
  write_lock_member("a", locks::absent(1), out);
  out += ',';
  write_lock_member("b", locks::absent(1), out);
  EXPECT_EQ(out.find(",,"), std::string::npos);
  EXPECT_NE(out.find("},{\"lock\":\"b\""), std::string::npos);
}

TEST(NativeList, ComesBackInSlicesThatTellWhereToGoOn) {
  std::string out = "{\"locks\":[";
  write_lock_member("a", shared_record(), out);
  out += ',';
  write_lock_member("b", shared_record(), out);
  const LockPage page = read_lock_page(out + "],\"more\":true}\n");
  ASSERT_EQ(page.locks.size(), 2U);
  EXPECT_EQ(page.locks[0].claims.size(), 4U);
  EXPECT_EQ(page.next, "b");
  EXPECT_EQ(read_lock_page(out + "],\"more\":false}\n").next, "");
  EXPECT_TRUE(read_lock_page(R"({"locks":[],"more":false})").locks.empty());
  EXPECT_THROW(read_lock_page(R"({"locks":[],"more":true})"), WireError) << "it would never end";
  EXPECT_THROW(read_lock_page("{}"), WireError) << "an original server's";
}

TEST(NativeGranted, ComesBackAsItWasSaid) {
  std::string out;
  const locks::Granted granted{12, 11, nine_o_clock, 2, true, true, {{"h", 1, nine_o_clock, {{"a", "b"}}}}};
  write_granted("Lock ...", "prod", "claim", "", granted, out);
  EXPECT_EQ(out,
            "{\"response\":\"Lock ...\",\"lock\":\"prod\",\"version\":12,\"token\":11,"
            "\"since\":\"2026-11-21T09:00:00.000Z\",\"count\":2,\"claim\":\"claim\",\"again\":true,"
            "\"taken_over\":true,\"others\":[{\"holder\":\"h\",\"count\":1,\"since\":\"2026-11-21T09:00:00.000Z\","
            "\"metadata\":{\"a\":\"b\"}}]}\n");
  const GrantedView view = read_granted(out);
  EXPECT_EQ(view.version, 12U);
  EXPECT_EQ(view.token, 11U);
  EXPECT_EQ(view.since, nine_o_clock);
  EXPECT_TRUE(view.again);
  EXPECT_TRUE(view.taken_over);
  ASSERT_EQ(view.others.size(), 1U);
  EXPECT_EQ(view.others[0].metadata, (locks::Metadata{{"a", "b"}}));
}

TEST(NativeGranted, TellsItsLeaseAndTheNamesThatTheServerGave) {
  std::string out;
  write_granted("Lock ...", "prod", "c", "r", {.version = 1, .token = 1, .count = 1, .ttl = 90s, .max_hold = 1h},
                out);
  EXPECT_NE(out.find(R"("claim":"c","request":"r")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("ttl":"1m30s","max_hold":"1h")"), std::string::npos) << out;
  const GrantedView view = read_granted(out);
  EXPECT_EQ(view.claim, "c");
  EXPECT_EQ(view.request, "r");
  EXPECT_EQ(view.ttl, 90s);
  EXPECT_EQ(view.max_hold, 1h);
}

TEST(NativeRenewed, ComesBackAsItWasSaid) {
  std::string out;
  write_renewed("renewed", "prod", {9, 7, 1500ms, std::nullopt}, out);
  EXPECT_EQ(out, "{\"response\":\"renewed\",\"lock\":\"prod\",\"version\":9,\"token\":7,\"ttl\":\"1s500ms\"}\n");
  const RenewedView view = read_renewed(out);
  EXPECT_EQ(view.version, 9U);
  EXPECT_EQ(view.token, 7U);
  EXPECT_EQ(view.ttl, 1500ms);
  EXPECT_FALSE(view.max_hold.has_value());
}

TEST(NativeQueued, ComesBackAsItWasSaid) {
  locks::Queued queued{.version = 9, .position = 2, .waiters = 5, .since = nine_o_clock};
  queued.ahead = {{"b", nine_o_clock - 1min}};
  queued.holds = {{"a", 1, nine_o_clock - 1h, {}}};
  queued.estimate = 10min;
  std::string out;
  write_queued("wait", "prod", "c", "r", queued, out);
  const DeniedView view = read_denied(out);
  EXPECT_EQ(view.error, "wait");
  EXPECT_EQ(view.version, 9U);
  EXPECT_EQ(view.holders.at(0).holder, "a");
  ASSERT_TRUE(view.queued.has_value());
  EXPECT_EQ(view.queued->claim, "c");
  EXPECT_EQ(view.queued->request, "r");
  EXPECT_EQ(view.queued->position, 2U);
  EXPECT_EQ(view.queued->waiters, 5U);
  EXPECT_EQ(view.queued->since, nine_o_clock);
  EXPECT_EQ(view.queued->estimate, 10min);
  ASSERT_EQ(view.queued->ahead.size(), 1U);
  EXPECT_EQ(view.queued->ahead[0].holder, "b");
  EXPECT_EQ(view.queued->ahead[0].since, nine_o_clock - 1min);

  out.clear();
  queued.estimate.reset();
  write_queued("wait", "prod", "", "", queued, out);
  for (const char* absent : {"claim", "request", "estimate"}) EXPECT_EQ(out.find(absent), std::string::npos);
}

TEST(NativeGranted, HasNoVersionWhenAnOriginalServerSaidIt) {
  const GrantedView view = read_granted("{\"response\":\"Lock for 'a' acquired by 'k' using key 'k'\"}\n");
  EXPECT_EQ(view.version, 0U);
  EXPECT_EQ(view.token, 0U);
}

TEST(NativeReleased, ComesBackAsItWasSaid) {
  std::string out;
  write_released("'h' released", "prod", {7, 2, true, {{"b", 1, nine_o_clock, {}}}, {}}, out);
  EXPECT_EQ(out.find("ended"), std::string::npos);
  const ReleasedView view = read_released(out);
  EXPECT_EQ(view.version, 7U);
  EXPECT_EQ(view.released, 2U);
  EXPECT_TRUE(view.withdrawn);
  EXPECT_EQ(view.holders.at(0).holder, "b");
}

TEST(NativeReleased, TellsHowTheClaimHadEndedBefore) {
  for (const auto& [end, text] : {std::pair(locks::End::released, "released"),
                                  {locks::End::lapsed, "lapsed"},
                                  {locks::End::forced, "forced"}}) {
    std::string out;
    write_released("released", "prod", {.version = 7, .ended = end}, out);
    EXPECT_EQ(read_released(out).ended, text);
    out.clear();
    write_denied("gone", "prod", 7, "ended", end, {}, out);
    EXPECT_EQ(read_denied(out).ended, text);
  }
}

TEST(NativeDenied, ComesBackAsItWasSaidAlsoByAnOriginalServer) {
  std::string out;
  write_denied("held", "prod", 7, "closed", {}, {{"b", 1, nine_o_clock, {}}}, out);
  const DeniedView view = read_denied(out);
  EXPECT_EQ(view.error, "held");
  EXPECT_EQ(view.version, 7U);
  EXPECT_EQ(view.why, "closed");
  EXPECT_EQ(view.holders.at(0).count, 1U);
  EXPECT_FALSE(view.queued.has_value());
  EXPECT_EQ(read_denied("{\"error\":\"thwarted\"}\n").version, 0U);
}

TEST(NativeHistory, ComesBackAsItWasSaid) {
  const std::vector<locks::Event> events{
      {4, nine_o_clock, "change-4", locks::What::taken_over, "h", "c", 4, 1, "ann", "locker", ""},
      {5, nine_o_clock, "change-5", locks::What::forced, "", "", 0, 3, "", "locker", "a <reason>"}};
  std::string out;
  write_history("prod", 5, 4, true, events, out);
  const HistoryView view = read_history(out);
  EXPECT_EQ(view.version, 5U);
  EXPECT_EQ(view.oldest, 4U);
  EXPECT_TRUE(view.more);
  EXPECT_EQ(view.events, events);
}

TEST(NativeReading, ThrowsOnAWrongShape) {
  for (const char* text : {"", "[]", "null", "{", "{} x", "<html>"}) {
    EXPECT_THROW(read_lock(text), WireError) << text;
    EXPECT_THROW(read_granted(text), WireError) << text;
    EXPECT_THROW(read_released(text), WireError) << text;
    EXPECT_THROW(read_denied(text), WireError) << text;
    EXPECT_THROW(read_renewed(text), WireError) << text;
    EXPECT_THROW(read_history(text), WireError) << text;
    EXPECT_THROW(read_lock_page(text), WireError) << text;
  }
  EXPECT_THROW(read_lock(R"({"lock":"a","state":"lost","version":1})"), WireError);
  EXPECT_THROW(read_granted(R"({"token":"1"})"), WireError);
  EXPECT_THROW(read_granted(R"({"since":"yesterday"})"), WireError);
  EXPECT_THROW(read_denied(R"({"error":5})"), WireError);
  EXPECT_THROW(read_released(R"({"holders":[5]})"), WireError);
  EXPECT_THROW(read_granted(R"({"ttl":"30"})"), WireError);
  EXPECT_THROW(read_granted(R"({"ttl":30})"), WireError);
  EXPECT_THROW(read_denied(R"({"error":"e","position":1})"), WireError);
  EXPECT_THROW(read_lock(R"({"lock":"a","state":"free","version":1,"queue":[{"holder":"a"}]})"), WireError);
}

TEST(NativeError, IsTheMemberOrElseTheTextItselfOnOneShortLine) {
  EXPECT_EQ(read_error("{\"error\":\"no room\"}\n"), "no room");
  EXPECT_EQ(read_error("  <html>\r\n502\x1b[0m "), "<html>  502 [0m");
  EXPECT_EQ(read_error(R"({"error":5})"), R"({"error":5})");
  EXPECT_EQ(read_error("\xFF!"), "?!");
  EXPECT_EQ(read_error(""), "");
  EXPECT_EQ(read_error(std::string(9999, 'x')).size(), 500U);
}

TEST(NativeBody, HasWhatIsGivenTheHolderAsRequestorAndAlwaysAFieldOfOurs) {
  EXPECT_EQ(write_body(AcquireBody{"k", "h", "", "", 0, false, {}}),
            R"({"key":"k","requestor":"h","metadata":{}})");
  EXPECT_EQ(write_body(AcquireBody{"k", "", "c", "r", 0, true, {{"a", "1"}}}),
            R"({"key":"k","claim":"c","request":"r","begun":0,"metadata":{"a":"1"}})");
  EXPECT_EQ(write_body(AcquireBody{"k", "", "c", "r", 0, false, {}, 30s, 0ms}),
            R"({"key":"k","claim":"c","request":"r","metadata":{},"ttl":"30s","wait":"0s"})");
  EXPECT_EQ(write_body(RenewBody{"k", "c", 7, 90s}), R"({"key":"k","claim":"c","token":7,"ttl":"1m30s"})");
  EXPECT_EQ(write_body(RenewBody{"k", "c", 0, {}}), R"({"key":"k","claim":"c"})");
  EXPECT_EQ(write_body(ReleaseBody{"k", "h", "", "", 0, false, true}), R"({"key":"k","requestor":"h","all":true})");
  EXPECT_EQ(write_body(ReleaseBody{"k", "h", "c", "r", 3, true, false}),
            R"({"key":"k","requestor":"h","claim":"c","request":"r","begun":3,"all":false})");
  EXPECT_EQ(write_force_body("he \"left\""), R"({"reason":"he \"left\""})");
}

}  // namespace
}  // namespace lockkeeper::wire
