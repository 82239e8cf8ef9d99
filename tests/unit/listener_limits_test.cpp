// The listener with clients that are slow, gone, or too many, and at its own end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <future>
#include <memory>
#include <thread>

#include "http/listener.h"
#include "tests/unit/listener_peers.h"

namespace lockkeeper::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(ListenerLimits, tells_a_slow_sender_408_and_closes) {
  ListenerSettings settings = on_loopback();
  settings.read_timeout = 1ms;
  Running server(std::move(settings));
  RawClient client(server.port());
  client.send("PUT /a HTTP/1.1\r\nHost: x\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_THAT(server.service.faulted(1), testing::ElementsAre(408U));
}

TEST(ListenerLimits, gives_each_fault_an_id_of_its_own) {
  Running server(on_loopback());
  for (int i = 0; i < 3; ++i) {
    RawClient client(server.port());
    client.send("nonsense\r\n\r\n");
    EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 400"));
  }
  ASSERT_EQ(server.service.faulted(3).size(), 3U);
  EXPECT_EQ(server.service.fault_ids().size(), 3U);
  EXPECT_EQ(server.service.fault_ids().count(0), 0U);
}

TEST(ListenerLimits, closes_an_idle_connection_without_a_word) {
  ListenerSettings settings = on_loopback();
  settings.idle_timeout = 1ms;
  Running server(std::move(settings));
  RawClient client(server.port());
  client.send(get);
  EXPECT_THAT(client.receive("GET / "), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(client.receive_all(), "");
}

TEST(ListenerLimits, closes_when_the_client_does_not_read) {
  ListenerSettings settings = on_loopback();
  settings.write_timeout = 1ms;
  Running server(
      [](Exchange& exchange, Listener&) {
        Response response;
        response.body.resize(32 * 1024 * 1024);
        exchange.answer(std::move(response));
      },
      std::move(settings));
  RawClient client(server.port(), 4096);
  client.send(get);
  EXPECT_THAT(server.service.finished(1), testing::ElementsAre(0U));
}

TEST(ListenerLimits, answers_a_client_that_has_finished_sending) {
  std::promise<Exchange*> served;
  Running server([&](Exchange& exchange, Listener&) { served.set_value(&exchange); });
  RawClient client(server.port());
  client.send(get);
  client.finish_sending();
  Exchange* const exchange = served.get_future().get();
  std::promise<bool> gone;
  server.listener.post(0, [&] {
    gone.set_value(exchange->client_gone());
    ScriptedService::echo(*exchange);
  });
  EXPECT_TRUE(gone.get_future().get());
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(ListenerLimits, does_not_take_a_pipelining_client_for_gone) {
  std::promise<bool> gone;
  Running server([&](Exchange& exchange, Listener&) {
    if (exchange.request().target() == "/") gone.set_value(exchange.client_gone());
    ScriptedService::echo(exchange);
  });
  RawClient client(server.port());
  client.send(std::string(get) + "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive("GET /2 "), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(gone.get_future().get());
}

TEST(ListenerLimits, outlives_clients_that_reset_before_their_answer) {
  std::promise<Exchange*> served;
  Running server([&](Exchange& exchange, Listener&) {
    if (exchange.request().target() == "/") return served.set_value(&exchange);
    ScriptedService::echo(exchange);
  });
  Exchange* exchange = nullptr;
  {
    RawClient client(server.port());
    client.send(get);
    exchange = served.get_future().get();
    client.reset_on_close();
  }
  server.listener.post(0, [exchange] {
    Response response;
    response.body.resize(1'000'000);
    exchange->answer(std::move(response));
  });
  EXPECT_THAT(server.service.finished(1), testing::ElementsAre(0U));
  RawClient next(server.port());
  next.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(next.receive("GET /next "), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(ListenerLimits, hears_a_refused_client_out_so_that_it_comes_to_read_the_answer) {
  Running server;
  RawClient client(server.port());
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_THAT(client.receive("}\n"), StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
  for (int piece = 0; piece < 100; ++piece) EXPECT_TRUE(client.send(std::string(10'000, ' ')));
}

TEST(ListenerLimits, tells_connections_beyond_the_limit_503) {
  ListenerSettings settings = on_loopback();
  settings.connections = 1;
  Running server(std::move(settings));
  RawClient first(server.port());
  first.send(get);
  first.receive("GET / ");
  RawClient second(server.port());
  second.send(get);
  const std::string refusal = second.receive_all();
  EXPECT_THAT(refusal, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(refusal, HasSubstr("\r\nRetry-After: 1\r\n"));
  first.send(get);
  EXPECT_THAT(first.receive("GET / "), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server.listener.counters().accepted, 2U);
  EXPECT_EQ(server.listener.counters().refused, 1U);
}

TEST(ListenerLimits, goes_on_accepting_after_it_ran_out_of_descriptors) {
  ScriptedService service([](Exchange& exchange, Listener&) { ScriptedService::echo(exchange); });
  Listener listener(on_loopback(), service);
  service.listener = &listener;
  RawClient client(listener.ports().front());
  client.send(get);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  listener.start();  // tries to accept before it returns
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(client.receive("GET / "), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(ListenerStop, lets_requests_under_way_be_answered_and_closes_the_idle) {
  std::promise<Exchange*> served;
  Running server(
      [&](Exchange& exchange, Listener&) {
        if (exchange.request().target() == "/") return served.set_value(&exchange);
        ScriptedService::echo(exchange);
      },
      on_loopback(2));
  RawClient busy(server.port());
  busy.send(get);
  Exchange* const exchange = served.get_future().get();
  RawClient idle(server.port());
  idle.send("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.receive("GET /idle ");
  std::thread stopping([&] { server.listener.stop(20s); });
  EXPECT_EQ(idle.receive_all(), "");  // so the stop has begun
  server.listener.post(exchange->io(), [&] { ScriptedService::echo(*exchange); });
  const std::string answer = busy.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  stopping.join();
  server.listener.stop(20s);
  EXPECT_THROW(RawClient{server.port()}, std::runtime_error);
  EXPECT_EQ(server.listener.counters().connections, 0U);
}

TEST(ListenerStop, ends_hard_when_the_grace_is_over) {
  std::promise<void> served;
  Running server([&](Exchange&, Listener&) { served.set_value(); });
  RawClient client(server.port());
  client.send(get);
  served.get_future().wait();
  server.listener.stop(1ms);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(ListenerStop, works_for_a_listener_that_never_started) {
  ScriptedService service([](Exchange&, Listener&) {});
  Listener listener(on_loopback(), service);
  listener.stop(1s);
  EXPECT_NE(listener.ports().front(), 0);
}

}  // namespace
}  // namespace lockkeeper::http
