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
  EXPECT_EQ(view.claims[2].count, 2U);
  EXPECT_EQ(view.claims[2].token, 5U);
  EXPECT_EQ(view.claims[3].holder, "z");
  EXPECT_EQ(out.find("k1"), std::string::npos) << "the key is a secret";
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

TEST(NativeGranted, ComesBackAsItWasSaid) {
  std::string out;
  const locks::Granted granted{12, 11, nine_o_clock, 2, true, true, {{"h", 1, nine_o_clock, {{"a", "b"}}}}};
  write_granted("Lock ...", "prod", "claim", granted, out);
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

TEST(NativeGranted, HasNoVersionWhenAnOriginalServerSaidIt) {
  const GrantedView view = read_granted("{\"response\":\"Lock for 'a' acquired by 'k' using key 'k'\"}\n");
  EXPECT_EQ(view.version, 0U);
  EXPECT_EQ(view.token, 0U);
}

TEST(NativeReleased, ComesBackAsItWasSaid) {
  std::string out;
  write_released("'h' released", "prod", {7, 2, true, {{"b", 1, nine_o_clock, {}}}}, out);
  const ReleasedView view = read_released(out);
  EXPECT_EQ(view.version, 7U);
  EXPECT_EQ(view.released, 2U);
  EXPECT_TRUE(view.withdrawn);
  EXPECT_EQ(view.holders.at(0).holder, "b");
}

TEST(NativeDenied, ComesBackAsItWasSaidAlsoByAnOriginalServer) {
  std::string out;
  write_denied("held", "prod", 7, "closed", {{"b", 1, nine_o_clock, {}}}, out);
  const DeniedView view = read_denied(out);
  EXPECT_EQ(view.error, "held");
  EXPECT_EQ(view.version, 7U);
  EXPECT_EQ(view.why, "closed");
  EXPECT_EQ(view.holders.at(0).count, 1U);
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
    EXPECT_THROW(read_history(text), WireError) << text;
  }
  EXPECT_THROW(read_lock(R"({"lock":"a","state":"lost","version":1})"), WireError);
  EXPECT_THROW(read_granted(R"({"token":"1"})"), WireError);
  EXPECT_THROW(read_granted(R"({"since":"yesterday"})"), WireError);
  EXPECT_THROW(read_denied(R"({"error":5})"), WireError);
  EXPECT_THROW(read_released(R"({"holders":[5]})"), WireError);
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
  EXPECT_EQ(write_body(ReleaseBody{"k", "h", "", "", 0, false, true}), R"({"key":"k","requestor":"h","all":true})");
  EXPECT_EQ(write_body(ReleaseBody{"k", "h", "c", "r", 3, true, false}),
            R"({"key":"k","requestor":"h","claim":"c","request":"r","begun":3,"all":false})");
}

}  // namespace
}  // namespace lockkeeper::wire
