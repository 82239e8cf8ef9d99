// The listener behind TLS, seen by an OpenSSL client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/listener.h"
#include "tests/unit/listener_tls_peers.h"

namespace lockkeeper::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ListenerTls : public testing::Test {
 protected:
  ListenerTls() { identity_.issue("first"); }
  ListenerSettings secured() const { return identity_.secured(); }
  const Identity identity_;
};

TEST_F(ListenerTls, answers_and_takes_its_leave_properly) {
  Running server(secured());
  const TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  const std::string body(60'000, 'b');
  EXPECT_THAT(client.ask("PUT /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n" + body),
              EndsWith("PUT /a " + body));
  EXPECT_TRUE(client.ended_properly());
}

TEST_F(ListenerTls, refuses_what_is_too_large_so_that_the_client_reads_why) {
  Running server(secured());
  const TlsClient client(server.port());
  EXPECT_THAT(
      client.ask("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'b')),
      StartsWith("HTTP/1.1 413 "));
}

TEST_F(ListenerTls, speaks_nothing_older_than_1_2) {
  Running server(secured());
  EXPECT_TRUE(TlsClient(server.port(), TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
  EXPECT_THAT(server.service.faulted(1), testing::ElementsAre(0U));
}

TEST_F(ListenerTls, tells_a_plain_client_what_it_did_wrong) {
  Running server(secured());
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer, HasSubstr("HTTPS"));
}

TEST_F(ListenerTls, gives_up_on_a_handshake_that_does_not_come) {
  ListenerSettings settings = secured();
  settings.handshake_timeout = std::chrono::milliseconds(1);
  Running server(std::move(settings));
  RawClient client(server.port());
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(ListenerTls, shows_a_new_certificate_after_a_reload_and_keeps_the_old_one_otherwise) {
  Running server(secured());
  EXPECT_EQ(TlsClient(server.port()).peer(), "first");
  identity_.issue("second");
  EXPECT_EQ(TlsClient(server.port()).peer(), "first");
  server.listener.reload_tls();
  EXPECT_EQ(TlsClient(server.port()).peer(), "second");
  identity_.spoil();
  EXPECT_THROW(server.listener.reload_tls(), ListenError);
  EXPECT_EQ(TlsClient(server.port()).peer(), "second");
}

TEST_F(ListenerTls, does_not_start_without_a_certificate_that_loads) {
  identity_.spoil();
  ScriptedService service([](Exchange&, Listener&) {});
  EXPECT_THROW(Listener(secured(), service), ListenError);
}

}  // namespace
}  // namespace lockkeeper::http
