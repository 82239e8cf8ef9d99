// The listener over real sockets: how requests are framed, ordered and answered.
#include "http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <thread>

#include "tests/unit/listener_peers.h"

namespace lockkeeper::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Listener, answers_requests_of_one_connection_in_the_order_they_were_sent) {
  Running server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b?c=%2F HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string first = client.receive("PUT /a abc");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
  EXPECT_THAT(first, HasSubstr("GMT\r\nContent-Length: 10\r\n\r\n"));
  EXPECT_THAT(client.receive("GET /b?c=%2F "), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.send("get /c HTTP/1.1\r\nhOST: x\r\n\r\n");
  EXPECT_THAT(client.receive("get /c "), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(server.listener.counters().requests, 3U);
}

TEST(Listener, begins_each_request_of_a_connection_without_a_mark) {
  std::vector<std::uint32_t> marks;
  Running server([&marks](Exchange& exchange, Listener&) {
    marks.push_back(std::exchange(exchange.mark, 7));
    ScriptedService::echo(exchange);
  });
  RawClient client(server.port());
  for (const char* path : {"/a ", "/b "}) {
    client.send("GET " + std::string(path) + "HTTP/1.1\r\nHost: x\r\n\r\n");
    client.receive(path);
  }
  EXPECT_EQ(marks, (std::vector<std::uint32_t>{0, 0}));
}

TEST(Listener, reads_a_request_that_comes_byte_by_byte) {
  Running server;
  RawClient client(server.port());
  for (const char c : std::string("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n")) {
    client.send({&c, 1});
  }
  EXPECT_THAT(client.receive("PUT /a abc"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(Listener, takes_an_answer_that_comes_later_by_way_of_another_thread) {
  std::thread elsewhere;
  Running server(
      [&](Exchange& exchange, Listener& listener) {
        elsewhere = std::thread([&] { listener.post(exchange.io(), [&] { ScriptedService::echo(exchange); }); });
      },
      on_loopback(2));
  RawClient client(server.port());
  client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive("GET /later "), StartsWith("HTTP/1.1 200 OK\r\n"));
  elsewhere.join();
}

TEST(Listener, destroys_an_attachment_after_the_answer) {
  auto watched = std::make_shared<int>(0);
  struct Holds : Exchange::Attachment {
    std::shared_ptr<int> held;
  };
  Running server([&](Exchange& exchange, Listener&) {
    auto holds = std::make_unique<Holds>();
    holds->held = watched;
    exchange.attachment = std::move(holds);
    ScriptedService::echo(exchange);
  });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  client.receive_all();
  server.listener.stop(std::chrono::seconds(5));
  EXPECT_EQ(watched.use_count(), 1);
}

struct Refused {
  const char* what;
  std::string raw;
  unsigned status;
};

class ListenerRefuses : public testing::TestWithParam<Refused> {};

TEST_P(ListenerRefuses, with_its_status_and_the_services_words_and_closes) {
  Running server;
  RawClient client(server.port());
  client.send(GetParam().raw);
  const std::string answer = client.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"error\":\""));
  EXPECT_THAT(answer, EndsWith("\"}\n"));
  EXPECT_THAT(server.service.faulted(1), testing::ElementsAre(GetParam().status));
}

std::string put(const std::string& headers, const std::string& body = "") {
  return "PUT /a HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n\r\n" + body;
}

INSTANTIATE_TEST_SUITE_P(
    malformed, ListenerRefuses,
    testing::Values(
        Refused{"no HTTP", "hello\r\n\r\n", 400}, Refused{"no version", "GET /locks\r\n\r\n", 400},
        Refused{"blank in the target", "GET /lo cks HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Refused{"unknown version", "GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505},
        Refused{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Refused{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        Refused{"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        Refused{"negative length", put("Content-Length: -5"), 400},
        Refused{"length of letters", put("Content-Length: abc"), 400},
        Refused{"two lengths", put("Content-Length: 3\r\nContent-Length: 3", "abc"), 400},
        Refused{"length and chunks", put("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400},
        Refused{"chunks and length", put("Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n"), 400},
        Refused{"bad chunk", put("Transfer-Encoding: chunked", "zz\r\n"), 400},
        Refused{"unknown coding", put("Transfer-Encoding: gzip, chunked"), 501},
        Refused{"unknown expectation", put("Expect: magic"), 417},
        Refused{"long target", "GET /" + std::string(1'100'000, 'n') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
        Refused{"large header", put("X: " + std::string(9'000, 'n')), 431},
        Refused{"large body", put("Content-Length: 1000000", std::string(1'000'000, ' ')), 413},
        Refused{"large chunk", put("Transfer-Encoding: chunked", "fffff\r\n" + std::string(0xfffff, ' ')), 413},
        Refused{"endless chunk extension", put("Transfer-Encoding: chunked", "1;" + std::string(20'000, 'x')),
                400}),
    [](const auto& instance) {
      std::string name = instance.param.what;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      return name;
    });

TEST(Listener, counts_a_header_of_many_fields_as_a_whole) {
  Running server;
  RawClient client(server.port());
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  while (head.size() < 9'000) head += "X-Piece: 0123456789\r\n";
  client.send(head + "\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

TEST(Listener, says_400_to_a_request_that_ends_early) {
  Running server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na");
  client.finish_sending();
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST(Listener, sends_an_interim_answer_to_who_expects_one) {
  Running server;
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.receive("PUT /a abc"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(Listener, closes_after_http_1_0_unless_asked_to_keep_alive) {
  Running server;
  RawClient keeps(server.port());
  keeps.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string kept = keeps.receive("GET /a ");
  EXPECT_THAT(kept, StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_THAT(kept, HasSubstr("\r\nConnection: keep-alive\r\n"));
  keeps.send("GET /b HTTP/1.0\r\n\r\n");
  const std::string last = keeps.receive_all();
  EXPECT_THAT(last, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(last, EndsWith("\r\n\r\nGET /b "));
}

TEST(Listener, closes_after_http_1_1_when_the_client_says_so) {
  Running server;
  RawClient client(server.port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive_all(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST(Listener, answers_head_with_the_length_and_no_body) {
  Running server;
  RawClient client(server.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive_all(), EndsWith("\r\nContent-Length: 8\r\nConnection: close\r\n\r\n"));
}

TEST(Listener, takes_the_path_out_of_an_absolute_target) {
  Running server;
  RawClient client(server.port());
  client.send("GET HTTP://elsewhere.example/a?b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive("GET /a?b "), StartsWith("HTTP/1.1 200"));
  client.send("GET http://elsewhere.example?b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive("GET /?b "), StartsWith("HTTP/1.1 200"));
  client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive("OPTIONS * "), StartsWith("HTTP/1.1 200"));
}

TEST(Listener, names_statuses_and_lets_no_header_value_split_the_answer) {
  Running server([](Exchange& exchange, Listener&) {
    Response response;
    response.status = 423;
    response.content_type.clear();
    response.headers.emplace_back("X-Echo", std::string(exchange.request().header("x-WISH")) + "\r\nX-Evil: 1");
    exchange.answer(std::move(response));
  });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Wish: w\r\nConnection: close\r\n\r\n");
  const std::string answer = client.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 423 Locked\r\nX-Echo: w  X-Evil: 1\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Type")));
}

TEST(Listener, sends_a_large_body_whole) {
  const std::string body(3'000'000, 'b');
  Running server([&](Exchange& exchange, Listener&) {
    Response response;
    response.body = body;
    exchange.answer(std::move(response));
  });
  RawClient client(server.port(), 4096);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.receive_all();
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body);
  EXPECT_THAT(server.service.finished(1), testing::ElementsAre(200U));
}

class Slices final : public Stream {
 public:
  explicit Slices(std::deque<std::string> texts, Listener* later = nullptr)
      : texts_(std::move(texts)), later_(later) {}
  void next(std::function<void(std::string, bool)> done) override {
    auto hand_out = [this, done = std::move(done)] {
      std::string text = std::move(texts_.front());
      texts_.pop_front();
      const bool last = texts_.empty();
      done(std::move(text), last);
    };
    if (later_ != nullptr) return later_->post(0, std::move(hand_out));
    hand_out();
  }

 private:
  std::deque<std::string> texts_;
  Listener* later_;
};

TEST(Listener, sends_a_stream_in_chunks_or_for_http_1_0_until_it_closes) {
  for (const bool later : {false, true}) {
    Running server([&](Exchange& exchange, Listener& listener) {
      Response response;
      response.stream = std::make_unique<Slices>(std::deque<std::string>{"one", std::string(20, 't'), ""},
                                                 later ? &listener : nullptr);
      exchange.answer(std::move(response));
    });
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string chunked = client.receive("0\r\n\r\n");
    EXPECT_THAT(chunked, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT_THAT(chunked, EndsWith("\r\n\r\n3\r\none\r\n14\r\n" + std::string(20, 't') + "\r\n0\r\n\r\n"));
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(client.receive_all(), EndsWith("Connection: close\r\n\r\none" + std::string(20, 't')));
  }
}

TEST(Listener, refuses_an_address_it_cannot_have) {
  ScriptedService service([](Exchange&, Listener&) {});
  ListenerSettings settings;
  settings.endpoints.push_back({"no address", 0});
  EXPECT_THROW(Listener(std::move(settings), service), ListenError);
  Running other;
  ListenerSettings taken;
  taken.endpoints.push_back({"127.0.0.1", other.port()});
  EXPECT_THROW(Listener(std::move(taken), service), ListenError);
}

}  // namespace
}  // namespace lockkeeper::http
