// AWS Signature Version 4: what our client sends, against AWS's published test suite, and against a second
// computation that is itself held to that suite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <string>

#include "http/client.h"
#include "stores/dynamodb/client.h"
#include "tests/support/scripted_server.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using testing::answer;
using ::testing::HasSubstr;
using testing::ScriptedServer;

// The suite's own; they are nobody's.
const std::string kKeyId = "AKIDEXAMPLE";
const std::string kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct Vector {
  const char* name;  // in AWS's suite, aws-sig-v4-test-suite
  const char* method;
  const char* content_type;
  const char* body;
  const char* signed_headers;
  const char* signature;
};
const Vector kVectors[] = {
    {"get-vanilla", "GET", "", "", "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"post-vanilla", "POST", "", "", "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded", "POST", "application/x-www-form-urlencoded", "Param1=value1",
     "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters", "POST", "application/x-www-form-urlencoded; charset=utf8",
     "Param1=value1", "content-type;host;x-amz-date",
     "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

// ---- the second computation

std::string hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char c : bytes) {
    text += "0123456789abcdef"[c >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

std::string sha256(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<char*>(digest), size};
}

std::string hmac(const std::string& key, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest, &size);
  return {reinterpret_cast<char*>(digest), size};
}

struct Captured {
  std::string method, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

std::string authorization(const Captured& request, const std::string& signed_headers, const std::string& region,
                          const std::string& service) {
  const std::string time = request.headers.at("x-amz-date");
  const std::string day = time.substr(0, 8);
  std::string canonical = request.method + "\n/\n\n";
  std::istringstream names(signed_headers);
  for (std::string name; std::getline(names, name, ';');) canonical += name + ":" + request.headers.at(name) + "\n";
  canonical += "\n" + signed_headers + "\n" + hex(sha256(request.body));
  const std::string scope = day + "/" + region + "/" + service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + hex(sha256(canonical));
  std::string key = "AWS4" + kSecret;
  for (const std::string& part : {day, region, service, std::string("aws4_request")}) key = hmac(key, part);
  return "AWS4-HMAC-SHA256 Credential=" + kKeyId + "/" + scope + ", SignedHeaders=" + signed_headers +
         ", Signature=" + hex(hmac(key, to_sign));
}

Captured captured(const std::string& text) {
  Captured request;
  const auto end = text.find("\r\n\r\n");
  request.body = text.substr(end + 4);
  std::istringstream lines(text.substr(0, end));
  std::string line;
  std::getline(lines, line);
  request.method = line.substr(0, line.find(' '));
  while (std::getline(lines, line)) {
    if (line.ends_with('\r')) line.pop_back();
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = line.substr(line.find(':') + 2);
  }
  return request;
}

TEST(AwsSignature, TheSecondComputationGivesThePublishedSignatures) {
  for (const Vector& one : kVectors) {
    Captured request{one.method,
                     one.body,
                     {{"host", "example.amazonaws.com"},
                      {"x-amz-date", "20150830T123600Z"},
                      {"content-type", one.content_type}}};
    EXPECT_THAT(authorization(request, one.signed_headers, "us-east-1", "service"), HasSubstr(one.signature))
        << one.name;
  }
}

TEST(AwsSignature, WhatTheClientSendsCarriesThePublishedSignatures) {
  for (const Vector& one : kVectors) {
    const ScriptedServer server({answer(200, "{}")});
    http::ClientSettings settings;
    settings.username = kKeyId;
    settings.password = kSecret;
    settings.aws_signature = "aws:amz:us-east-1:service";
    http::ClientRequest request;
    request.method = one.method;
    request.url = server.url("/");
    request.body = one.body;
    request.headers = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
    if (*one.content_type) request.headers.emplace_back("Content-Type", one.content_type);
    http::Client(settings).send(request, nullptr);
    const Captured sent = captured(server.requests().at(0));
    EXPECT_EQ(sent.headers.at("authorization"),
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
                  std::string(one.signed_headers) + ", Signature=" + one.signature)
        << one.name;
    EXPECT_THAT(server.requests().at(0), ::testing::Not(HasSubstr("wJalr")));
  }
}

TEST(AwsSignature, ARequestToDynamodbIsSignedOverItsBodyItsHostItsTargetAndTheSessionsToken) {
  for (const std::string& token : {std::string(), std::string("a/session+token==")}) {
    const ScriptedServer server({answer(200, "{}")});
    DynamoClient client({"eu-central-1", server.url(), {kKeyId, kSecret, token}, ""});
    client.get("table", {{"p", bytes("\xFF")}, {"s", text("\xC3\xA9")}},
               std::chrono::steady_clock::now() + std::chrono::seconds(20));
    const Captured sent = captured(server.requests().at(0));
    const std::string signed_headers = token.empty()
                                           ? "content-type;host;x-amz-date;x-amz-target"
                                           : "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    EXPECT_EQ(sent.headers.at("authorization"), authorization(sent, signed_headers, "eu-central-1", "dynamodb"));
    EXPECT_EQ(sent.headers.at("x-amz-target"), "DynamoDB_20120810.GetItem");
    EXPECT_EQ(sent.headers.at("host"), "127.0.0.1:" + std::to_string(server.port()));
    EXPECT_EQ(sent.body,
              "{\"TableName\":\"table\",\"Key\":{\"p\":{\"B\":\"/w==\"},\"s\":{\"S\":\"\xC3\xA9\"}},"
              "\"ConsistentRead\":true}");
  }
}

}  // namespace
}  // namespace lockkeeper::stores::dynamodb
