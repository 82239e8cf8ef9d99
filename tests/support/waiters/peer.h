// One connection of one client that acquires, waits and releases as told, thousands of which fit into one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/verb.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace lockkeeper::waiters {

using Clock = std::chrono::steady_clock;
using boost::asio::awaitable;
using boost::beast::http::verb;

struct Answer {
  unsigned status = 0;
  std::string body;
};

// For co_spawn: what went wrong ends the program's run.
inline void rethrow(const std::exception_ptr& wrong) {
  if (wrong) std::rethrow_exception(wrong);
}

class Peer {
 public:
  Peer(const boost::asio::any_io_executor& executor, std::uint16_t port);

  // False, and nullopt: the server is not there, or ended before it answered. The next ask() connects anew.
  awaitable<bool> connect();
  awaitable<bool> send(verb method, const std::string& target, const std::string& body);
  awaitable<std::optional<Answer>> ask(verb method, const std::string& target, const std::string& body);

  awaitable<void> pause(std::chrono::microseconds duration);
  // Leaves without another word: with a FIN, or with a reset.
  void cut(bool reset);

 private:
  const boost::asio::ip::tcp::endpoint server_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer read_;
};

}  // namespace lockkeeper::waiters
