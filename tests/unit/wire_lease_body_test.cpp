// How the body of POST /lease is read: as the original read it (tests/end_to_end/recorded/shared-lock.jsonl).
#include <gtest/gtest.h>

#include <string>

#include "wire/lease_body.h"

namespace lockkeeper::wire {
namespace {

using namespace std::string_literals;

LeaseBody body_of(std::string_view text) {
  const auto parsed = parse_lease_body(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(LeaseBody{});
}

TEST(LeaseBody, HasKeyValueAndLabels) {
  const LeaseBody body = body_of(R"({"key":"job","value":"v","labels":{"env":"prod","app":"x"}})");
  EXPECT_EQ(body.key, "job");
  EXPECT_EQ(body.value, "v");
  EXPECT_EQ(body.labels, (locks::Metadata{{"env", "prod"}, {"app", "x"}}));
}

TEST(LeaseBody, KnowsItsFieldsWhateverTheirCaseAndIgnoresOthers) {
  const LeaseBody body =
      body_of("\n {\"KEY\":\"a\",\"Value\":\"v\",\"ttl\":5,\"owner\":{\"x\":[1,{\"key\":2}]},\"n\":null} \t");
  EXPECT_EQ(body.key, "a");
  EXPECT_EQ(body.value, "v");
}

TEST(LeaseBody, TakesTheLastOfDuplicatesButNullLeavesWhatIsThere) {
  EXPECT_EQ(body_of(R"({"key":"x","key":"b"})").key, "b");
  EXPECT_EQ(body_of(R"({"key":"x","key":null})").key, "x");
  EXPECT_EQ(body_of(R"({"labels":{"a":"1"},"labels":{"b":"2","a":"3"}})").labels,
            (locks::Metadata{{"a", "3"}, {"b", "2"}}));
  EXPECT_TRUE(body_of(R"({"labels":{"a":"1"},"labels":null})").labels.empty());
  EXPECT_EQ(body_of(R"({"labels":{"a":"1"},"labels":null,"labels":{"a":"2"}})").labels,
            (locks::Metadata{{"a", "2"}}));
  EXPECT_EQ(body_of(R"({"labels":{"a":"1","a":null}})").labels, (locks::Metadata{{"a", ""}}));
}

TEST(LeaseBody, MayBeWithoutAnyField) {
  for (const char* text : {"{}", "null", R"({"key":null,"value":null,"labels":null,"timestamp":null})"}) {
    EXPECT_EQ(body_of(text).key, "") << text;
  }
}

TEST(LeaseBody, MendsWhatIsNotUtf8) {
  EXPECT_EQ(body_of("{\"key\":\"x\xff\"}").key, "x\ufffd");
  EXPECT_EQ(body_of(R"({"key":"a\ud800b"})").key, "a\ufffdb");
}

TEST(LeaseBody, IsStrictJson) {
  for (const std::string& text :
       {""s, " "s, "{"s, R"({"key":"a")"s, R"({"key":"a",})"s, "{'key':'a'}"s, "key=a"s, R"({"key":"a"} x)"s,
        R"({"key":"a"}{"key":"b"})"s, "\xEF\xBB\xBF{\"key\":\"a\"}"s, "{\"key\":\"a\nb\"}"s, R"({"key":"a"}])"s,
        "{\"key\":\"a\"}\0"s, "{\"key\":\"a\"}\0 and more"s, R"({"key":"a","n":01})"s, R"("a")"s, "[]"s, "7"s,
        "true"s}) {
    EXPECT_FALSE(parse_lease_body(text)) << text;
  }
}

TEST(LeaseBody, RefusesFieldsOfOtherTypes) {
  for (const char* text :
       {R"({"key":1})", R"({"key":true})", R"({"key":["a"]})", R"({"key":{"a":"b"}})", R"({"value":1})",
        R"({"value":{}})", R"({"key":1,"key":"a"})", R"({"labels":"x"})", R"({"labels":["x"]})", R"({"labels":1})",
        R"({"labels":{"n":1}})", R"({"labels":{"n":true}})", R"({"labels":{"n":["x"]}})",
        R"({"labels":{"n":{"x":"y"}}})", R"({"timestamp":1700000000})", R"({"timestamp":{}})"}) {
    EXPECT_FALSE(parse_lease_body(text)) << text;
  }
}

TEST(LeaseBody, HasATimestampAfterRfc3339) {
  const auto with = [](const std::string& time) { return parse_lease_body(R"({"timestamp":")" + time + R"("})"); };
  for (const char* time :
       {"2025-01-02T03:04:05Z", "2025-01-02T03:04:05.678Z", "2025-01-02T03:04:05.123456789-07:00",
        "2025-01-02T03:04:05+02:00", "2024-02-29T23:59:59Z"}) {
    EXPECT_TRUE(with(time)) << time;
  }
  for (const char* time : {"", "yesterday", "2025-01-02 03:04:05Z", "2025-01-02T03:04:05", "2025-02-29T00:00:00Z",
                           "2025-01-02t03:04:05Z", "2025-01-02T03:04:05z", "2025-01-02T03:04:60Z",
                           "2025-01-02T24:00:00Z", "2025-01-02T03:04:05,5Z", "2025-01-02T03:04:05+24:00"}) {
    EXPECT_FALSE(with(time)) << time;
  }
}

TEST(LeaseBody, MayNestAsDeepAsItLikes) {
  const std::string deep(30'000, '[');
  EXPECT_FALSE(parse_lease_body(deep));
  EXPECT_EQ(body_of(R"({"x":)" + deep + std::string(30'000, ']') + R"(,"key":"a"})").key, "a");
}

}  // namespace
}  // namespace lockkeeper::wire
