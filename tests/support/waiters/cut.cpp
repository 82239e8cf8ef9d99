#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/support/waiters/peer.h"
#include "tests/support/waiters/stories.h"
#include "wire/native_json.h"

namespace lockkeeper::waiters {
namespace {

using Crowd = std::vector<std::unique_ptr<Peer>>;

// Nobody is answered before it is cut.
constexpr std::chrono::minutes longer_than_any_test{9};

awaitable<void> queue_up(Crowd& crowd, const Options& options, int round) {
  for (std::size_t number = 0; number < crowd.size(); ++number) {
    wire::AcquireBody body;
    body.key = body.claim = body.holder = "waiter-" + std::to_string(number);
    body.request = "round-" + std::to_string(round);
    body.wait = longer_than_any_test;
    const std::string target = "/lock/cut-" + std::to_string(number % options.locks);
    const bool sent = co_await crowd[number]->send(verb::put, target, wire::write_body(body));
    if (!sent) throw std::runtime_error("connection " + std::to_string(number) + " was not taken");
  }
}

void say(const char* what, std::size_t number) {
  std::printf("%s %zu\n", what, number);
  std::fflush(stdout);
}

}  // namespace

int cut_connections(const Options& options) {
  std::string line;
  for (int round = 0; round == 0 || std::getline(std::cin, line); ++round) {
    boost::asio::io_context io(1);
    Crowd crowd;
    for (std::size_t number = 0; number < options.connections; ++number) {
      crowd.push_back(std::make_unique<Peer>(io.get_executor(), options.port));
    }
    boost::asio::co_spawn(io, queue_up(crowd, options, round), rethrow);
    io.run();
    say("waiting", crowd.size());
    if (!std::getline(std::cin, line)) return 0;
    bool reset = false;
    for (auto& peer : crowd) peer->cut(reset = !reset);
    say("cut", crowd.size());
  }
  return 0;
}

}  // namespace lockkeeper::waiters
