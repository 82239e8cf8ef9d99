#include <gtest/gtest.h>

#include <string>

#include "wire/record_json.h"

namespace lockkeeper::wire {
namespace {

using namespace std::chrono_literals;
using locks::WallTime;

const std::string every_byte = [] {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  return text;
}();

locks::Claim full_claim() {
  return {"name",
          "holder",
          7,
          WallTime(1'700'000'000'123ms),
          "request",
          5,
          {{"a", "1"}, {"<b>", every_byte}},
          "ann",
          1500ms,
          9,
          1h,
          6,
          60s};
}

TEST(RecordEncoding, BringsAHeadBackAsItWas) {
  const locks::Head head{0,
                         18446744073709551615U,
                         "secret \"\\ " + every_byte,
                         {{"a", 3, 1, 9, WallTime(5ms)}, {every_byte, 1'000'000'000'000U, 2, 4, WallTime(-7ms)}},
                         WallTime(1'700'000'000'000ms),
                         12,
                         90s};
  std::string text = "what was there before";
  encode(head, text);
  EXPECT_EQ(decode_head(text), head);
}

TEST(RecordEncoding, LeavesOutWhatIsEmpty) {
  std::string text;
  encode(locks::Head{}, text);
  EXPECT_EQ(text, R"({"c":0})");
  EXPECT_EQ(decode_head(text), locks::Head{});
}

TEST(RecordEncoding, BringsEveryKindOfRowBackAsItWas) {
  const locks::Waiter waiter{"n",         "k", "h",      3,    WallTime(4ms), "r", 2,
                             {{"m", ""}}, "y", "locker", 10ms, 20ms,          60s, 8};
  const locks::Waiter unnamed{.key = "k", .holder = "h", .place = 7, .grace = 90s, .renewed = 7};
  const locks::ClosedName closed{"n", 12, WallTime(99ms)};
  std::string text;
  for (const locks::Row& row :
       {locks::Row(full_claim()), locks::Row(locks::Claim{"", "h", 1, WallTime(1ms)}), locks::Row(waiter),
        locks::Row(unnamed), locks::Row(closed), locks::Row(locks::ClosedName{"z", 0, {}}),
        locks::Row(locks::ClosedName{"z", 1, {}, locks::End::lapsed}),
        locks::Row(locks::ClosedName{"z", 1, {}, locks::End::forced})}) {
    encode(row, text);
    EXPECT_EQ(decode_row(locks::id(row).kind, text), row) << text;
  }
}

TEST(RecordEncoding, SaysOfALockWithoutLeasesWhatItSaidBeforeThereWereAny) {
  std::string text;
  encode(locks::Head{4, 0, "k", {{"a", 1, 4, 4, WallTime(5ms)}}, WallTime(5ms)}, text);
  EXPECT_EQ(text, R"({"c":5,"k":"k","t":[{"h":"a","n":1,"o":4,"w":4,"s":5}]})");
  encode(locks::Row(locks::Claim{
             .name = "c", .holder = "h", .token = 7, .since = WallTime(5ms), .renewed = 7, .granted = 7}),
         text);
  EXPECT_EQ(text, R"({"n":"c","h":"h","t":7,"s":5})");
  encode(locks::Row(locks::ClosedName{"n", 12, WallTime(99ms)}), text);
  EXPECT_EQ(text, R"({"n":"n","u":12,"s":99})");
}

TEST(RecordDecoding, ReadsWhatVersionsWithoutLeasesWrote) {
  const locks::Head head = decode_head(R"({"c":5,"f":3,"k":"k","t":[{"h":"a","n":1,"o":4,"w":4,"s":5}]})");
  EXPECT_EQ(head.timed, 0U);
  EXPECT_EQ(head.mean_hold, 0ms);

  const auto claim = std::get<locks::Claim>(
      decode_row(locks::RowKind::claim, R"({"n":"c","h":"h","t":7,"s":5,"r":"q","b":5,"y":"ann","w":7})"));
  EXPECT_EQ(claim.granted, 7U) << "the hold began with its token";
  EXPECT_EQ(claim.renewed, 7U);
  EXPECT_FALSE(claim.ttl || claim.max_hold || claim.offered);

  const auto closed = std::get<locks::ClosedName>(decode_row(locks::RowKind::closed, R"({"n":"c","u":12,"s":99})"));
  EXPECT_EQ(closed.end, locks::End::released);
}

TEST(RecordEncoding, BringsEveryKindOfEventBackAsItWas) {
  std::string text;
  for (int what = 0; what <= static_cast<int>(locks::What::offered); ++what) {
    const locks::Event event{17,       WallTime(5ms), "change-1", static_cast<locks::What>(what),
                             "holder", "claim",       16,         3,
                             "by",     "door",        "reason"};
    encode(event, text);
    EXPECT_EQ(decode_event(text), event) << text;
  }
  const locks::Event plain{1, WallTime(5ms), "c", locks::What::acquired, "h"};
  encode(plain, text);
  EXPECT_EQ(text, R"({"v":1,"s":5,"c":"c","e":"acquired","h":"h"})");
  EXPECT_EQ(decode_event(text), plain);
}

TEST(RecordDecoding, IgnoresMembersItDoesNotKnow) {
  EXPECT_EQ(decode_head(R"({"c":5,"new":{"a":[1,2]},"k":"x"})").key, "x");
}

TEST(RecordDecoding, ThrowsOnDamage) {
  for (const char* text : {"", "{}", "[]", "null", "5", R"({"c":"5"})", R"({"c":1.5})", R"({"c":0)", R"({"c":0}})",
                           R"({"c":0,"k":5})", R"({"c":0,"f":-1})", R"({"c":0,"t":{}})", R"({"c":0,"t":[5]})",
                           R"({"c":0,"t":[{"h":"a"}]})", R"({"c":0,"t":[{"h":"a","n":-1,"o":1,"w":1,"s":0}]})"}) {
    EXPECT_THROW(decode_head(text), WireError) << text;
  }
  EXPECT_THROW(decode_head(std::string_view("{\"c\":0}\0", 8)), WireError);
  for (const char* text : {"{}", R"({"h":"a","s":0})", R"({"h":"a","t":1,"s":0,"m":["a"]})",
                           R"({"h":"a","t":1,"s":0,"m":[["a"]]})", R"({"h":"a","t":1,"s":0,"m":[["a",1]]})"}) {
    EXPECT_THROW(decode_row(locks::RowKind::claim, text), WireError) << text;
  }
  for (const char* text : {R"({"n":"a"})", R"({"k":"k","h":"h","p":1,"s":0,"e":-1})"}) {
    EXPECT_THROW(decode_row(locks::RowKind::waiter, text), WireError) << text;
  }
  for (const char* duration : {"-1", "1.5", "\"1s\"", "99999999999999999999"}) {
    for (const char* member : {"l", "x", "o"}) {
      const std::string text = std::string(R"({"h":"a","t":1,"s":0,")") + member + "\":" + duration + "}";
      EXPECT_THROW(decode_row(locks::RowKind::claim, text), WireError) << text;
    }
    EXPECT_THROW(decode_head(std::string(R"({"c":0,"a":)") + duration + "}"), WireError) << duration;
  }
  EXPECT_THROW(decode_head(R"({"c":0,"d":-1})"), WireError);
  EXPECT_THROW(decode_row(locks::RowKind::closed, R"({"n":"a","u":1,"s":0,"e":3})"), WireError);
  EXPECT_THROW(decode_row(locks::RowKind::closed, R"({"u":1})"), WireError);
  EXPECT_THROW(decode_row(static_cast<locks::RowKind>(9), R"({"n":"a"})"), WireError);
  EXPECT_THROW(decode_event(R"({"s":0,"e":"stolen"})"), WireError);
  EXPECT_THROW(decode_event(R"({"s":0})"), WireError);
}

TEST(RecordDecoding, NoticesEveryCutText) {
  std::string text;
  encode(locks::Row(full_claim()), text);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THROW(decode_row(locks::RowKind::claim, text.substr(0, length)), WireError) << length;
  }
}

TEST(RecordInsertion, KeepsRowsInTheirOrderWhateverOrderTheyComeIn) {
  locks::Record record;
  for (const locks::Version token : {5U, 1U, 9U, 3U}) insert(record, locks::Claim{"c", "h", token});
  for (const locks::Version place : {2U, 1U}) insert(record, locks::Waiter{"w", "k", "h", place});
  for (const char* name : {"b", "c", "a"}) insert(record, locks::ClosedName{name, 4});
  insert(record, locks::ClosedName{"z", 1});

  EXPECT_EQ(record.claims[0].token, 1U);
  EXPECT_EQ(record.claims[3].token, 9U);
  EXPECT_EQ(record.waiters[0].place, 1U);
  EXPECT_EQ(record.closed[0].name, "z");
  EXPECT_EQ(record.closed[1].name, "a");
  EXPECT_EQ(record.closed[3].name, "c");
}

}  // namespace
}  // namespace lockkeeper::wire
