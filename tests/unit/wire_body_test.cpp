// How bodies are read. Where a case is named after one of tests/end_to_end/recorded, it is the original's answer.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>

#include "wire/lock_body.h"

namespace lockkeeper::wire {
namespace {

using namespace std::chrono_literals;

LockBody body_of(std::string_view text) {
  const auto parsed = parse_lock_body(text);
  if (const auto* fault = std::get_if<BodyFault>(&parsed)) {
    ADD_FAILURE() << text << ": " << (fault->undecodable ? "undecodable" : fault->text);
    return {};
  }
  return std::get<LockBody>(parsed);
}

bool undecodable(std::string_view text) {
  const auto parsed = parse_lock_body(text);
  const auto* fault = std::get_if<BodyFault>(&parsed);
  return fault != nullptr && fault->undecodable;
}

std::string fault_of(std::string_view text) {
  const auto parsed = parse_lock_body(text);
  const auto* fault = std::get_if<BodyFault>(&parsed);
  return fault == nullptr || fault->undecodable ? "no fault of ours" : fault->text;
}

TEST(LockBodyOfTheOriginal, HasTheKeyAsHolderWhenNobodyElseIsNamed) {
  const LockBody body = body_of(R"({"key":"k1"})");
  EXPECT_EQ(body.key, "k1");
  EXPECT_EQ(body.holder(), "k1");
  EXPECT_FALSE(body.native);
}

TEST(LockBodyOfTheOriginal, TakesTheFirstOfRequestorLockByAndLockedBy) {
  EXPECT_EQ(body_of(R"({"key":"k","lock_by":"a","locked_by":"b","requestor":"c"})").holder(), "c");
  EXPECT_EQ(body_of(R"({"key":"k","locked_by":"b","lock_by":"a"})").holder(), "a");
  EXPECT_EQ(body_of(R"({"key":"k","requestor":"","lock_by":null,"locked_by":"b"})").holder(), "b");
}

TEST(LockBodyOfTheOriginal, IgnoresLockByOfAnotherType) {
  EXPECT_EQ(body_of(R"({"key":"k1","lock_by":{"x":[1,2]},"locked_by":7})").holder(), "k1");
}

TEST(LockBodyOfTheOriginal, IsWithoutAKeyWhenTheKeyIsMissingNullOrEmpty) {
  for (const char* text : {"{}", R"({"requestor":"r"})", R"({"key":""})", R"({"key":null})", "null", "nullx"}) {
    EXPECT_EQ(body_of(text).key, "") << text;
  }
}

TEST(LockBodyOfTheOriginal, IsUndecodableWhenMalformed) {
  for (const std::string_view text :
       {"", "  \n", "{", R"({"key":"k")", R"({"key":"k",})", "{'key':'k'}", R"({key:"k"})", "key=k",
        R"({"key":"k","requestor":)", R"({"key":"\x"})", "{\"key\":\"a\nb\"}", "nonsense",
        "\xEF\xBB\xBF{\"key\":\"k\"}", R"({"key":"\u12g4"})", R"({"key":"k","x":01})", R"({"key":"k","x":nul})",
        R"({"key":"k","x":1.})", R"({"key" "k"})", "\xFF{\"key\":\"k\"}"}) {
    EXPECT_TRUE(undecodable(text)) << text;
  }
  EXPECT_TRUE(undecodable(std::string_view("{\"key\":\"k\0\"}", 12)));
  EXPECT_TRUE(undecodable(std::string_view("{\"key\":\"k\"\0}", 12)));
}

TEST(LockBodyOfTheOriginal, IsUndecodableWhenItIsNoObject) {
  for (const char* text : {R"(["key","k"])", R"("key")", "5", "true", "[]"}) EXPECT_TRUE(undecodable(text)) << text;
}

TEST(LockBodyOfTheOriginal, IsUndecodableWhenKeyOrRequestorIsNoText) {
  for (const char* text :
       {R"({"key":5})", R"({"key":true})", R"({"key":["k"]})", R"({"key":{"k":1}})", R"({"key":"k","requestor":5})",
        R"({"requestor":["x"],"key":"k"})", R"({"key":5,"key":"k"})"}) {
    EXPECT_TRUE(undecodable(text)) << text;
  }
}

TEST(LockBodyOfTheOriginal, IgnoresUnknownFieldsOfAnyDepth) {
  const LockBody body = body_of(R"({"key":"k","ttl":30,"meta":{"a":[1,2,{"key":null}],"key":"x"},"count":9})");
  EXPECT_EQ(body.key, "k");
  EXPECT_FALSE(body.native);
}

TEST(LockBodyOfTheOriginal, TakesTheLastDuplicateWhateverItsCaseAndNullLeavesItBe) {
  EXPECT_EQ(body_of(R"({"key":"k1","key":"k2"})").key, "k2");
  EXPECT_EQ(body_of(R"({"key":"k1","Key":"k2"})").key, "k2");
  EXPECT_EQ(body_of(R"({"key":"a","key":null})").key, "a");
  EXPECT_EQ(body_of(R"({"KEY":"k","Requestor":"r"})").holder(), "r");
  EXPECT_EQ(body_of(R"({"key":"k","reque\u017ftor":"r"})").holder(), "r");
}

TEST(LockBodyOfTheOriginal, EndsWithItsFirstValue) {
  for (const std::string_view text : {R"({"key":"k1"} trailing)", R"({"key":"k1"}{"key":"k2"})",
                                      "  \n\t{\"key\":\"k1\"}\n  ", R"({"key":"k1"}})"}) {
    EXPECT_EQ(body_of(text).key, "k1") << text;
  }
  EXPECT_EQ(body_of(R"({"key":"k"})" + std::string(1 << 20, ' ')).key, "k");
}

TEST(LockBodyOfTheOriginal, HasAReplacementCharacterForEachByteThatIsNotUtf8) {
  const LockBody body = body_of("{\"key\":\"\xFF\xFE\",\"requestor\":\"r\xC3\"}");
  EXPECT_EQ(body.key, "\uFFFD\uFFFD");
  EXPECT_EQ(body.requestor, "r\uFFFD");
  EXPECT_EQ(body_of("{\"key\":\"\xE6\x97\"}").key, "\uFFFD\uFFFD");
  EXPECT_EQ(body_of("{\"key\":\"\xED\xA0\x80\"}").key, "\uFFFD\uFFFD\uFFFD");
}

TEST(LockBodyOfTheOriginal, HasAReplacementCharacterForASurrogateAlone) {
  EXPECT_EQ(body_of(R"({"key":"\u0001\u2028\ud83d\ude00\ud800\n\t\/\"\\"})").key,
            "\x01\u2028\U0001F600\uFFFD\n\t/\"\\");
  EXPECT_EQ(body_of(R"({"key":"\ud800\u0041\udc00\ud800"})").key, "\uFFFDA\uFFFD\uFFFD");
  EXPECT_EQ(body_of(R"({"key":"\udc00\ud800\udc00"})").key, "\uFFFD\U00010000");
  EXPECT_EQ(body_of(R"({"key":"\udbff\udfff\udbff\ue000"})").key, "\U0010FFFF\uFFFD\uE000");
  EXPECT_EQ(body_of(R"({"key":"\\ud800"})").key, "\\ud800");
  EXPECT_EQ(body_of(R"({"key":"k","x":"\ud800"})").key, "k");
  EXPECT_EQ(body_of(R"({"key":"\u0000"})").key, std::string(1, '\0'));
}

TEST(LockBodyOfTheOriginal, MayNestAsDeepAsItLikes) {
  const std::string deep(60'000, '[');
  EXPECT_TRUE(undecodable(R"({"x":)" + deep));
  EXPECT_EQ(body_of(R"({"x":)" + deep + std::string(60'000, ']') + R"(,"key":"k"})").key, "k");
}

TEST(LockBodyOfOurs, HasEveryFieldAndIsNative) {
  const LockBody body = body_of(R"({"key":"k","claim":"c","request":"r","begun":18446744073709551615,
                                    "metadata":{"a":"1","b":"2"},"all":true})");
  EXPECT_TRUE(body.native);
  EXPECT_EQ(body.claim, "c");
  EXPECT_EQ(body.request, "r");
  EXPECT_EQ(body.begun, 18446744073709551615U);
  EXPECT_EQ(body.metadata, (locks::Metadata{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(body.all);
}

TEST(LockBodyOfOurs, IsNotNativeWhenEveryFieldOfOursIsNull) {
  const LockBody body = body_of(
      R"({"key":"k","claim":null,"request":null,"begun":null,"metadata":null,"all":null,"ttl":null,"wait":null})");
  EXPECT_FALSE(body.native);
  EXPECT_FALSE(body.begun.has_value());
}

TEST(LockBodyOfOurs, KeepsTheLastOfDuplicateMetadataWhereTheFirstWas) {
  EXPECT_EQ(body_of(R"({"key":"k","metadata":{"a":"1","b":"2","a":"3"}})").metadata,
            (locks::Metadata{{"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(body_of(R"({"key":"k","metadata":{"a":"1"},"metadata":{"b":"2"}})").metadata,
            (locks::Metadata{{"b", "2"}}));
}

TEST(LockBodyOfOurs, IsStrictAboutTypes) {
  EXPECT_EQ(fault_of(R"({"key":"k","claim":5})"), "claim must be a text");
  EXPECT_EQ(fault_of(R"({"key":"k","request":{}})"), "request must be a text");
  EXPECT_EQ(fault_of(R"({"key":"k","all":"yes"})"), "all must be true or false");
  EXPECT_EQ(fault_of(R"({"key":"k","all":[]})"), "all must be true or false");
  for (const char* begun : {"-1", "1.5", "1e3", "18446744073709551616", "\"7\"", "true", "[1]"}) {
    EXPECT_EQ(fault_of(R"({"key":"k","begun":)" + std::string(begun) + "}"),
              "begun must be a version: a whole number that is not negative")
        << begun;
  }
  for (const char* metadata :
       {"5", "\"a\"", "[]", "[\"a\"]", R"({"a":1})", R"({"a":null})", R"({"a":{"b":"c"}})", R"({"a":["b"]})"}) {
    EXPECT_EQ(fault_of(R"({"key":"k","metadata":)" + std::string(metadata) + "}"),
              "metadata must be an object of texts")
        << metadata;
  }
}

TEST(LockBodyOfOurs, HasALeaseAndAWaitAsDurations) {
  const LockBody body = body_of(R"({"key":"k","ttl":"1h30m","wait":"25s"})");
  EXPECT_TRUE(body.native);
  EXPECT_EQ(body.ttl, 90min);
  EXPECT_EQ(body.wait, 25s);
  EXPECT_EQ(body_of(R"({"key":"k","ttl":"PT1M","wait":"PT5S"})").ttl, 1min);
  EXPECT_EQ(body_of(R"({"key":"k","wait":"1s","wait":"2s"})").wait, 2s);
}

TEST(LockBodyOfOurs, WaitsForNoTimeAtAllOrDoesNotWait) {
  EXPECT_EQ(body_of(R"({"key":"k","wait":"0s"})").wait, 0s);
  for (const char* absent : {"false", "null"}) {
    const LockBody body = body_of(R"({"key":"k","wait":)" + std::string(absent) + "}");
    EXPECT_FALSE(body.wait.has_value()) << absent;
    EXPECT_FALSE(body.native) << absent;
  }
  EXPECT_FALSE(body_of(R"({"key":"k","wait":"5s","wait":false})").wait.has_value());
}

TEST(LockBodyOfOurs, SaysWhichDurationIsWrongAndHowItIsWritten) {
  EXPECT_EQ(fault_of(R"({"key":"k","wait":"10"})"),
            "wait: 10 has no unit: write \"10s\" for seconds or \"10m\" for minutes");
  EXPECT_EQ(fault_of(R"({"key":"k","wait":10})"),
            "wait: 10 has no unit: write \"10s\" for seconds or \"10m\" for minutes");
  EXPECT_TRUE(fault_of(R"({"key":"k","ttl":"soon"})").starts_with("ttl: "));
  EXPECT_TRUE(fault_of(R"({"key":"k","ttl":"-5s"})").starts_with("ttl: "));
  for (const char* other : {"true", "{}", "[\"5m\"]"}) {
    EXPECT_EQ(fault_of(R"({"key":"k","wait":)" + std::string(other) + "}"),
              "wait must be a duration, like \"30s\"");
    EXPECT_EQ(fault_of(R"({"key":"k","ttl":)" + std::string(other) + "}"), "ttl must be a duration, like \"30s\"");
  }
  EXPECT_EQ(fault_of(R"({"key":"k","ttl":false})"), "ttl must be a duration, like \"30s\"");
}

// An old client may send one (IgnoresUnknownFieldsOfAnyDepth); a client of ours would go without its lease.
TEST(LockBodyOfOurs, RefusesALeaseThatIsABareNumberBesideAFieldOfOurs) {
  EXPECT_EQ(fault_of(R"({"key":"k","ttl":30,"claim":"c"})"),
            "ttl: 30 has no unit: write \"30s\" for seconds or \"30m\" for minutes");
  EXPECT_EQ(fault_of(R"({"key":"k","wait":"5s","ttl":30})"),
            "ttl: 30 has no unit: write \"30s\" for seconds or \"30m\" for minutes");
  EXPECT_FALSE(body_of(R"({"key":"k","ttl":30,"wait":false})").ttl.has_value());
  EXPECT_EQ(body_of(R"({"key":"k","ttl":30,"ttl":"30s"})").ttl, 30s);
}

TEST(RenewBody, NamesAClaimOrATokenAndMayLengthen) {
  const auto named = std::get<RenewFields>(parse_renew_body(R"({"key":"k","claim":"c","token":7,"ttl":"45s"})"));
  EXPECT_EQ(named.key, "k");
  EXPECT_EQ(named.claim, "c");
  EXPECT_EQ(named.token, 7U);
  EXPECT_EQ(named.ttl, 45s);
  const auto unnamed = std::get<RenewFields>(parse_renew_body(R"({"key":"k","token":7,"requestor":"x"})"));
  EXPECT_TRUE(unnamed.claim.empty());
  EXPECT_FALSE(unnamed.ttl.has_value());
  EXPECT_FALSE(std::get<RenewFields>(parse_renew_body(R"({"key":"k"})")).token.has_value());
}

TEST(RenewBody, IsStrictAboutTypes) {
  const auto fault = [](std::string_view text) { return std::get<BodyFault>(parse_renew_body(text)); };
  for (const char* text : {"", "{", "[]", "5"}) EXPECT_TRUE(fault(text).undecodable) << text;
  EXPECT_EQ(fault(R"({"key":5})").text, "key must be a text");
  EXPECT_EQ(fault(R"({"key":"k","token":"7"})").text,
            "token must be a version: a whole number that is not negative");
  EXPECT_EQ(fault(R"({"key":"k","ttl":30})").text,
            "ttl: 30 has no unit: write \"30s\" for seconds or \"30m\" for minutes");
}

TEST(ForceBody, MayBeEmptyOrHaveAReason) {
  for (const char* text : {"", " \n", "{}", "null", R"({"reason":null})"}) {
    EXPECT_EQ(std::get<std::string>(parse_force_body(text)), "") << text;
  }
  EXPECT_EQ(std::get<std::string>(parse_force_body(R"({"reason":"build died","key":5})")), "build died");
}

TEST(ForceBody, IsRefusedWhenMalformedOrOfAnotherType) {
  EXPECT_TRUE(std::get<BodyFault>(parse_force_body("{")).undecodable);
  EXPECT_TRUE(std::get<BodyFault>(parse_force_body("[]")).undecodable);
  EXPECT_EQ(std::get<BodyFault>(parse_force_body(R"({"reason":5})")).text, "reason must be a text");
}

}  // namespace
}  // namespace lockkeeper::wire
