#include <gtest/gtest.h>

#include "server/access_log.h"
#include "server/io_mailbox.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

AccessLine example() {
  AccessLine line;
  line.id = 42;
  line.method = "PUT";
  line.path = "/lock/a%2Fb";
  line.status = 200;
  line.took = 1'042'900ns;
  line.body_bytes = 63;
  line.peer = "127.0.0.1:4711";
  line.user = "ci";
  line.door = "locker";
  return line;
}

TEST(AccessLine, TellsOneRequestInText) {
  std::string text;
  format_access(example(), LogFormat::text, locks::WallTime{1s}, text);
  EXPECT_EQ(text,
            "1970-01-01T00:00:01.000Z info request id=42 method=PUT path=/lock/a%2Fb status=200 ms=1.042 bytes=63 "
            "peer=127.0.0.1:4711 user=ci door=locker\n");
}

TEST(AccessLine, TellsOneRequestInJson) {
  std::string text;
  format_access(example(), LogFormat::json, locks::WallTime{1s}, text);
  EXPECT_EQ(text,
            "{\"at\":\"1970-01-01T00:00:01.000Z\",\"level\":\"info\",\"message\":\"request\",\"id\":42,"
            "\"method\":\"PUT\",\"path\":\"/lock/a%2Fb\",\"status\":200,\"ms\":1.042,\"bytes\":63,"
            "\"peer\":\"127.0.0.1:4711\",\"user\":\"ci\",\"door\":\"locker\"}\n");
}

TEST(AccessLine, HasTheCodeOfACallBesideItsLikeInHttp) {
  AccessLine line = example();
  line.status = 503;
  line.code = "UNAVAILABLE";
  std::string text, json;
  format_access(line, LogFormat::text, {}, text);
  EXPECT_NE(text.find(" warning request id=42 method=PUT path=/lock/a%2Fb status=503 code=UNAVAILABLE ms="),
            std::string::npos)
      << text;
  format_access(line, LogFormat::json, {}, json);
  EXPECT_NE(json.find("\"status\":503,\"code\":\"UNAVAILABLE\",\"ms\":1.042,"), std::string::npos) << json;
}

TEST(AccessLine, CannotBeForgedByAClient) {
  AccessLine line = example();
  line.path = "/lock/x\" status=500\n\\\xFF";
  std::string text;
  format_access(line, LogFormat::json, {}, text);
  EXPECT_NE(text.find("/lock/x%22%20status=500%0A%5C%FF\""), std::string::npos) << text;
}

TEST(AccessLine, CutsOverlongWords) {
  AccessLine line = example();
  const std::string path(100'000, 'x');
  line.path = path;
  std::string text;
  format_access(line, LogFormat::text, {}, text);
  EXPECT_LT(text.size(), 4096U);
}

TEST(AccessLine, IsAWarningWhenTheServerIsAtFault) {
  AccessLine line = example();
  line.status = 503;
  std::string text;
  format_access(line, LogFormat::text, {}, text);
  EXPECT_NE(text.find(" warning request "), std::string::npos);
}

class StillClock final : public engine::Clock {
 public:
  locks::WallTime wall() const override { return locks::WallTime{1s}; }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
};

TEST(AccessLog, WritesOutAllThatFitsAndCountsTheRest) {
  ::testing::internal::CaptureStderr();
  {
    Log log(LogFormat::text, LogLevel::info);
    StillClock clock;
    AccessLog lines(log, clock, {.io_threads = 2, .buffer_bytes = 1, .pause = 1h});
    for (int i = 0; i < 4; ++i) lines.add(0, example());
    lines.add(1, example());
  }
  const std::string written = ::testing::internal::GetCapturedStderr();
  std::size_t count = 0;
  for (auto at = written.find("id=42"); at != std::string::npos; at = written.find("id=42", at + 1)) ++count;
  EXPECT_EQ(count, 2U);
  EXPECT_NE(written.find("3 request lines were dropped"), std::string::npos) << written;
}

TEST(AccessLog, KeepsQuietBelowItsLevelButForTheServersFaults) {
  ::testing::internal::CaptureStderr();
  {
    Log log(LogFormat::text, LogLevel::warn);
    StillClock clock;
    AccessLog lines(log, clock, {});
    lines.add(0, example());
    AccessLine fault = example();
    fault.id = 43;
    fault.status = 503;
    lines.add(0, fault);
  }
  const std::string written = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(written.find("id=42"), std::string::npos);
  EXPECT_NE(written.find("id=43"), std::string::npos);
}

struct Noted final : IoCall {
  explicit Noted(std::vector<int>& to, int mark) : seen(to), number(mark) {}
  void answered() noexcept override { seen.push_back(number); }
  void orphaned() noexcept override { seen.push_back(-number); }
  std::vector<int>& seen;
  int number;
};

class Mailbox : public ::testing::Test {
 protected:
  std::vector<std::function<void()>> posted_;
  std::vector<int> seen_;
  IoMailbox mailbox_{[this](std::function<void()> task) { posted_.push_back(std::move(task)); }};
  Noted one_{seen_, 1}, two_{seen_, 2}, three_{seen_, 3};
};

TEST_F(Mailbox, WakesItsThreadOnceForAllThatWaits) {
  one_.next = &two_;
  mailbox_.deliver(&one_);
  mailbox_.deliver(&three_);
  ASSERT_EQ(posted_.size(), 1U);
  posted_[0]();
  EXPECT_EQ(seen_.size(), 3U);
}

TEST_F(Mailbox, WakesItAgainForWhatComesLater) {
  mailbox_.deliver(&one_);
  posted_[0]();
  mailbox_.deliver(&two_);
  ASSERT_EQ(posted_.size(), 2U);
  posted_[1]();
  EXPECT_EQ(seen_, (std::vector<int>{1, 2}));
}

TEST_F(Mailbox, LetsGoOfWhatNobodyPickedUp) {
  mailbox_.deliver(&one_);
  mailbox_.orphan();
  EXPECT_EQ(seen_, (std::vector<int>{-1}));
}

}  // namespace
}  // namespace lockkeeper::server
