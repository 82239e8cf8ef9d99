#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resource/payload.h"

namespace lockkeeper::resource {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string out_with(const std::string& params) {
  return R"({"source":{"locker_uri":"http://locks","lock_name":"prod"},"params":)" + params + "}";
}
std::string source_with(const std::string& more) {
  return R"({"source":{"locker_uri":"http://locks","lock_name":"prod")" + more + "}}";
}
std::string fault_of(const std::string& json) {
  try {
    parse_out(json);
  } catch (const PayloadError& error) {
    return error.what();
  }
  return "";
}

TEST(Payload, LeastSourceLocksByDefaultAndWaitsForEver) {
  const OutRequest request = parse_out(R"({"source":{"locker_uri":"http://locks","lock_name":"prod"}})");
  EXPECT_EQ(request.source.locker_uri, "http://locks");
  EXPECT_EQ(request.source.request_timeout, 10s);
  EXPECT_EQ(request.source.unlock_timeout, 5min);
  EXPECT_EQ(request.params.operation, Operation::lock);
  EXPECT_FALSE(request.params.wait.once);
  EXPECT_FALSE(request.params.wait.bound);
  EXPECT_FALSE(request.params.key);
}

TEST(Payload, EveryFieldOfSourceIsRead) {
  const Source source = parse_check(source_with(
                                        R"(,"username":"u","password":"p","ca_cert":"C","skip_ssl_validation":true,
       "bosh_lock":null,"bosh_ca_cert":"B","concourse":"ci","request_timeout":"3s","unlock_timeout":"PT1M",
       "versions":"stable","trigger_on":"unlocked","log_level":"debug")"))
                            .source;
  EXPECT_EQ(source.username, "u");
  EXPECT_EQ(source.password, "p");
  EXPECT_EQ(source.ca_cert, "C");
  EXPECT_TRUE(source.skip_ssl_validation);
  EXPECT_EQ(source.bosh_ca_cert, "B");
  EXPECT_EQ(source.concourse, "ci");
  EXPECT_EQ(source.request_timeout, 3s);
  EXPECT_EQ(source.unlock_timeout, 1min);
  EXPECT_EQ(source.versions, Versions::stable);
  EXPECT_EQ(source.trigger_on, TriggerOn::unlocked);
  EXPECT_EQ(source.log_level, LogLevel::debug);
}

TEST(Payload, EveryFieldOfPutParamsIsRead) {
  const OutParams params = parse_out(out_with(R"({"lock_op":"lock","key":"k","lock_by":"me","wait":"90s",
                                                  "metadata":{"a":"x","n":7,"b":true,"z":null}})"))
                               .params;
  EXPECT_EQ(params.key, "k");
  EXPECT_EQ(params.holder, "me");
  EXPECT_EQ(params.wait.bound, 90s);
  EXPECT_EQ(params.metadata, (locks::Metadata{{"a", "x"}, {"n", "7"}, {"b", "true"}}));
  EXPECT_EQ(parse_out(out_with(R"({"lock_op":"unlock","from":"prod"})")).params.from, "prod");
  EXPECT_TRUE(parse_out(out_with(R"({"lock_op":"unlock","all":true})")).params.all);
  EXPECT_TRUE(
      parse_out(out_with(R"({"lock_op":"unlock","any_build":true,"key":"k","lock_by":"b"})")).params.any_build);
}

TEST(Payload, NullIsAbsent) {
  const OutRequest request = parse_out(
      R"({"source":{"locker_uri":"http://locks","lock_name":"prod","bosh_lock":"","ca_cert":null,"username":"",
          "skip_ssl_validation":null},"params":{"key":null,"lock_by":null,"wait":null,"from":null}})");
  EXPECT_TRUE(request.source.ca_cert.empty());
  EXPECT_FALSE(request.params.key);
  EXPECT_FALSE(request.params.from);
  EXPECT_EQ(parse_out(R"({"source":{"locker_uri":"http://l","lock_name":"p"},"params":null})").params.operation,
            Operation::lock);
}

TEST(Payload, AnEmptyTextIsAbsentInEveryField) {
  const Source source = parse_check(source_with(R"(,"username":"","password":"","ca_cert":"","bosh_ca_cert":"",
      "skip_ssl_validation":"","bosh_lock":"","concourse":"","request_timeout":"","unlock_timeout":"","versions":"",
      "trigger_on":"","log_level":"")"))
                            .source;
  EXPECT_EQ(source.request_timeout, 10s);
  EXPECT_EQ(source.unlock_timeout, 5min);
  EXPECT_EQ(source.versions, Versions::each);
  EXPECT_EQ(source.log_level, LogLevel::info);
  const OutParams params =
      parse_out(out_with(R"({"lock_op":"","key":"","lock_by":"","locked_by":"","requestor":"me",
      "wait":"","metadata":"","any_build":"","all":"","from":""})"))
          .params;
  EXPECT_EQ(params.operation, Operation::lock);
  EXPECT_FALSE(params.key);
  EXPECT_EQ(params.holder, "me");
  EXPECT_FALSE(params.wait.once) << "it waits";
  EXPECT_FALSE(params.from);
  EXPECT_FALSE(parse_in(R"({"source":{"locker_uri":"http://l","lock_name":"p"},"version":{"revision":"1"},
                            "params":{"skip_download":"","key":""}})")
                   .params.key);
  EXPECT_EQ(fault_of(R"({"source":{"locker_uri":"","lock_name":"p"}})"), "source.locker_uri is missing");
}

TEST(Payload, TextTrueIsTrue) {
  EXPECT_TRUE(parse_check(source_with(R"(,"skip_ssl_validation":"true")")).source.skip_ssl_validation);
  EXPECT_FALSE(parse_check(source_with(R"(,"skip_ssl_validation":"false")")).source.skip_ssl_validation);
  EXPECT_THAT(fault_of(source_with(R"(,"skip_ssl_validation":"yes")")), HasSubstr("must be true or false"));
}

TEST(Payload, CaCertBesideSkipSslValidationIsAllowed) {
  EXPECT_NO_THROW(parse_check(source_with(R"(,"skip_ssl_validation":true,"ca_cert":"-----BEGIN")")));
}

TEST(Payload, UnknownFieldIsNamedWithWhatIsAllowedAndNeverItsValue) {
  EXPECT_THAT(fault_of(source_with(R"(,"pasword":"hunter2")")),
              AllOf(HasSubstr("source has an unknown field \"pasword\""), HasSubstr("username, password"),
                    Not(HasSubstr("hunter2"))));
  EXPECT_THAT(fault_of(out_with(R"({"kee":"hunter2"})")),
              AllOf(HasSubstr("params has an unknown field \"kee\""), HasSubstr("lock_op, key"),
                    Not(HasSubstr("hunter2"))));
  EXPECT_THAT(fault_of(out_with(R"({"false":"x"})")), HasSubstr("\"false\""));
}

TEST(Payload, NoFaultShowsAValue) {
  for (const std::string more :
       {R"(,"request_timeout":"hunter2")", R"(,"versions":"hunter2")", R"(,"log_level":"hunter2")",
        R"(,"skip_ssl_validation":"hunter2")", R"(,"username":["hunter2"])", R"(,"bosh_lock":"hunter2")"}) {
    EXPECT_THAT(fault_of(source_with(more)), AllOf(Not(HasSubstr("hunter2")), Not(testing::IsEmpty()))) << more;
  }
  EXPECT_THAT(fault_of(R"({"source":{"locker_uri":"hunter2","lock_name":"p"}})"),
              AllOf(HasSubstr("http://"), Not(HasSubstr("hunter2"))));
}

TEST(Payload, BareNumberIsNoDurationAndTheHintSaysHowToWriteIt) {
  EXPECT_THAT(fault_of(out_with(R"({"wait":10})")), HasSubstr("10s"));
  EXPECT_THAT(fault_of(out_with(R"({"wait":"10"})")), HasSubstr("10s"));
  EXPECT_THAT(fault_of(source_with(R"(,"request_timeout":2.5)")), HasSubstr("duration"));
  EXPECT_THAT(fault_of(out_with(R"({"wait":"0s"})")), HasSubstr("longer than nothing"));
}

TEST(Payload, WaitIsADurationOrFalse) {
  EXPECT_TRUE(parse_out(out_with(R"({"wait":false})")).params.wait.once);
  EXPECT_TRUE(parse_out(out_with(R"({"wait":"false"})")).params.wait.once);
  EXPECT_FALSE(parse_out(out_with(R"({"wait":true})")).params.wait.once);
  EXPECT_EQ(parse_out(out_with(R"({"wait":"1h30m"})")).params.wait.bound, 90min);
  EXPECT_EQ(parse_out(out_with(R"({"ttl":"1h30m"})")).params.ttl, 90min);
  EXPECT_EQ(parse_out(out_with(R"({"ttl":""})")).params.ttl, std::nullopt);
  EXPECT_THAT(fault_of(out_with(R"({"ttl":600})")), HasSubstr("600s"));
}

TEST(Payload, NumbersWhereATextBelongsAskForQuotes) {
  EXPECT_THAT(fault_of(out_with(R"({"key":42})")), HasSubstr("quotes"));
  EXPECT_THAT(fault_of(out_with(R"({"metadata":{"n":1.5}})")), HasSubstr("params.metadata.n"));
}

TEST(Payload, HolderHasThreeNamesOfWhichOneIsGiven) {
  EXPECT_EQ(parse_out(out_with(R"({"locked_by":"a"})")).params.holder, "a");
  EXPECT_EQ(parse_out(out_with(R"({"requestor":"a","lock_by":"a"})")).params.holder, "a");
  EXPECT_THAT(fault_of(out_with(R"({"requestor":"a","lock_by":"b"})")), HasSubstr("one of them"));
}

TEST(Payload, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_THAT(fault_of(out_with(R"({"any_build":true,"key":"k","lock_by":"b"})")), HasSubstr("lock_op: unlock"));
  EXPECT_THAT(fault_of(out_with(R"({"lock_op":"unlock","any_build":true})")), HasSubstr("needs key and lock_by"));
  EXPECT_THAT(fault_of(out_with(R"({"lock_op":"unlock","all":true,"from":"x"})")), HasSubstr("exclude"));
  EXPECT_THAT(fault_of(out_with(R"({"lock_op":"open"})")), HasSubstr("must be lock or unlock"));
  EXPECT_THAT(fault_of(R"({"source":{"locker_uri":"http://l","lock_name":"p","versions":"stable"},
                           "params":{"lock_op":"unlock","from":"p"}})"),
              HasSubstr("stable"));
  EXPECT_THAT(fault_of(R"({"source":{"locker_uri":"http://l","lock_name":"p","bosh_lock":"http://b"}})"),
              HasSubstr("exclude"));
  EXPECT_THAT(fault_of(R"({"source":{"locker_uri":"http://l"}})"), HasSubstr("lock_name or bosh_lock"));
  EXPECT_THAT(fault_of(R"({"source":{"lock_name":"p"}})"), HasSubstr("locker_uri is missing"));
  EXPECT_THAT(fault_of(R"({"source":null})"), HasSubstr("locker_uri is missing"));
}

TEST(Payload, UnlockTakesTheParamsOfItsLock) {
  EXPECT_NO_THROW(parse_out(out_with(R"({"lock_op":"unlock","wait":"1m","ttl":"1h","metadata":{"a":"b"}})")));
}

TEST(Payload, AnyTextOnStdinIsAnsweredWithAFault) {
  for (const std::string json :
       {"", "[]", "null", "{", "{\"source\":1}", "{\"source\":{},\"params\":[]}", "\xff"}) {
    EXPECT_NE(fault_of(json), "") << json;
  }
  EXPECT_NE(fault_of(std::string(200'000, '[')), "");
}

TEST(Payload, VersionsOfTheOriginalAndOfADigestAreNoRevisionOfOurs) {
  EXPECT_EQ(revision({{"revision", "12"}}), 12U);
  EXPECT_EQ(revision({{"ref", "da39a3ee"}}), std::nullopt);
  EXPECT_EQ(revision({{"revision", "sha256:00"}}), std::nullopt);
  EXPECT_EQ(revision({{"revision", "12x"}}), std::nullopt);
  EXPECT_EQ(revision({{"lock", "prod"}}), std::nullopt);
  const CheckRequest check =
      parse_check(R"({"source":{"locker_uri":"http://l","lock_name":"p"},"version":{"ref":"abc"}})");
  ASSERT_TRUE(check.version);
  EXPECT_EQ(check.version->front().first, "ref");
  EXPECT_FALSE(parse_check(source_with("")).version);
}

TEST(Payload, GetNeedsAVersionAndKnowsItsParams) {
  EXPECT_THROW(parse_in(source_with("")), PayloadError);
  const InRequest request = parse_in(R"({"source":{"locker_uri":"http://l","lock_name":"p"},
                                         "version":{"revision":"3"},"params":{"skip_download":"true","key":"k"}})");
  EXPECT_TRUE(request.params.skip_download);
  EXPECT_EQ(request.params.key, "k");
}

}  // namespace
}  // namespace lockkeeper::resource
