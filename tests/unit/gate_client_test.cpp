#include "client/gate_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scripted_server.h"

namespace lockkeeper::client {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::answer;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::ScriptedServer;
using ::testing::StartsWith;

const std::string id = "e9205d4a-2545-4c58-86ae-d0e7b3ecec23";
const std::string json = "{\"id\":\"" + id +
                         "\",\"status\":\"released\",\"created\":\"2019-05-28T08:30:24.595Z\",\"lastChange\":"
                         "\"2019-05-28T08:31:24.595Z\","
                         "\"workflow\":\"nightly\",\"namespace\":\"argo\",\"note\":\"not there\"}";
const Answer gate = answer(200, json + "\n");
const Answer unknown = answer(404, "{\"error\":\"there is no lock with this id\",\"id\":\"" + id + "\"}\n");

class GateClientTest : public ::testing::Test {
 protected:
  GateClientTest() { unsetenv("http_proxy"); }

  void serve(std::vector<Answer> script, const std::string& prefix = "/") {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    client_ = std::make_unique<GateClient>(Settings{.uri = server_->url(prefix), .request_timeout = 200ms});
  }
  GateClient& client() { return *client_; }
  std::string request(std::size_t index) const { return server_->requests().at(index); }

  template <typename Call>
  unsigned status_of(Call call) {
    try {
      call();
    } catch (const ServerError& error) {
      EXPECT_THAT(error.what(), HasSubstr(server_->url()));
      return error.status;
    }
    ADD_FAILURE() << "no ServerError";
    return 0;
  }

 private:
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<GateClient> client_;
};

TEST_F(GateClientTest, CreatesWithAnIdOfItsOwnIfItIsGivenOne) {
  serve({gate, gate}, "/workflow/");
  EXPECT_EQ(client().create("nightly", "argo").id, id);
  EXPECT_THAT(request(0), StartsWith("POST /workflow/lock HTTP/1.1\r\n"));
  EXPECT_THAT(request(0), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(request(0), EndsWith("\r\n\r\n{\"workflow\":\"nightly\",\"namespace\":\"argo\"}"));
  client().create("nightly", "argo", id);
  EXPECT_THAT(request(1), EndsWith("{\"workflow\":\"nightly\",\"namespace\":\"argo\",\"id\":\"" + id + "\"}"));
}

TEST_F(GateClientTest, ReadsAllThereIsToKnow) {
  serve({gate});
  const Gate found = *client().get(id);
  EXPECT_THAT(request(0), StartsWith("GET /lock/?id=" + id + " "));
  EXPECT_EQ(found.id, id);
  EXPECT_EQ(found.status, "released");
  EXPECT_EQ(found.workflow, "nightly");
  EXPECT_EQ(found.workflow_namespace, "argo");
  EXPECT_EQ(found.created, "2019-05-28T08:30:24.595Z");
  EXPECT_EQ(found.last_change, "2019-05-28T08:31:24.595Z");
  EXPECT_EQ(found.note, "not there");
  EXPECT_EQ(found.json, json);
}

TEST_F(GateClientTest, ReleasesNotesAndDeletes) {
  serve({gate, gate, answer(200, "{}\n")});
  EXPECT_TRUE(client().release(id).has_value());
  EXPECT_THAT(request(0), StartsWith("PATCH /lock/?id=" + id + " "));
  EXPECT_TRUE(client().set_note(id, "a \"b\"").has_value());
  EXPECT_THAT(request(1), StartsWith("PUT /lock/?id=" + id + " "));
  EXPECT_THAT(request(1), EndsWith("{\"note\":\"a \\\"b\\\"\"}"));
  EXPECT_TRUE(client().remove(id));
  EXPECT_THAT(request(2), StartsWith("DELETE /lock/?id=" + id + " "));
}

TEST_F(GateClientTest, AnUnknownIdIsAValue) {
  serve({unknown, unknown, unknown, unknown});
  EXPECT_FALSE(client().get(id).has_value());
  EXPECT_FALSE(client().release(id).has_value());
  EXPECT_FALSE(client().set_note(id, "").has_value());
  EXPECT_FALSE(client().remove(id));
}

// An agent would take a gate for deleted that is there.
TEST_F(GateClientTest, APathThatIsNotKnownIsNoUnknownId) {
  const Answer not_found = answer(404, "{\"error\":\"not found\"}\n");
  serve({not_found, not_found, not_found});
  EXPECT_EQ(status_of([&] { client().get(id); }), 404U);
  EXPECT_EQ(status_of([&] { client().remove(id); }), 404U);
  EXPECT_EQ(status_of([&] { client().create("w", "n"); }), 404U);
}

TEST_F(GateClientTest, AnIdIsEncodedWhateverItIs) {
  serve({unknown});
  client().get("a&b=c d/\xC3\xA9");
  EXPECT_THAT(request(0), StartsWith("GET /lock/?id=a%26b%3Dc%20d%2F%C3%A9 "));
}

TEST_F(GateClientTest, AsksForWhatWasReleasedSinceACursor) {
  serve({answer(200, "{\"locks\":[" + json + "],\"cursor\":\"x-g 1\"}\n"),
         answer(200, "{\"locks\":[],\"cursor\":\"y\",\"reset\":true}\n")});
  const GateFeed first = client().released("", 25s);
  EXPECT_THAT(request(0), StartsWith("GET /locks?status=released&wait=25s "));
  ASSERT_EQ(first.gates.size(), 1U);
  EXPECT_EQ(first.gates.front().json, json);
  EXPECT_FALSE(first.reset);
  const GateFeed second = client().released(first.cursor, 1500ms);
  EXPECT_THAT(request(1), StartsWith("GET /locks?status=released&wait=1s500ms&since=x-g%201 "));
  EXPECT_TRUE(second.reset);
  EXPECT_EQ(second.cursor, "y");
}

TEST_F(GateClientTest, APollMayTakeItsTimeBesideThatOfARequest) {
  serve({testing::black_hole()});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_THROW(client().released("", 300ms), http::HttpError);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 500ms);
}

TEST_F(GateClientTest, OtherAnswersAreServerErrors) {
  serve({answer(401, "{\"error\":\"Please Authenticate\"}\n"),
         answer(503, "{\"error\":\"away\"}\n", "application/json", "Retry-After: 7\r\n"), answer(200, "<html>"),
         answer(200, "{}"), answer(302, "", "text/plain", "Location: http://portal/\r\n")});
  EXPECT_EQ(status_of([&] { client().get(id); }), 401U);
  try {
    client().released("", 0s);
    ADD_FAILURE() << "no ServerError";
  } catch (const ServerError& error) {
    EXPECT_EQ(error.retry_after, 7s);
    EXPECT_TRUE(error.may_pass());
  }
  EXPECT_EQ(status_of([&] { client().get(id); }), 200U) << "a portal's page is no gate";
  EXPECT_EQ(status_of([&] { client().released("", 0s); }), 200U);
  EXPECT_EQ(status_of([&] { client().remove(id); }), 302U);
}

TEST_F(GateClientTest, NoUrlThatAPathCannotFollowIsTaken) {
  EXPECT_THROW(GateClient(Settings{.uri = "http://host/?a=b"}), http::HttpError);
  EXPECT_THROW(GateClient(Settings{.uri = "host:8081"}), http::HttpError);
}

TEST(NewGateId, IsAnotherEachTime) {
  const std::string one = new_gate_id();
  EXPECT_EQ(one.size(), 36U);
  EXPECT_EQ(one.at(14), '4');
  EXPECT_NE(one, new_gate_id());
}

}  // namespace
}  // namespace lockkeeper::client
