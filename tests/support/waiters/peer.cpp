#include "tests/support/waiters/peer.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

namespace lockkeeper::waiters {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr auto told = asio::as_tuple(asio::use_awaitable);

}  // namespace

Peer::Peer(const asio::any_io_executor& executor, std::uint16_t port)
    : server_(asio::ip::address_v4::loopback(), port), socket_(executor), timer_(executor) {}

awaitable<bool> Peer::connect() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  read_.clear();
  const auto [failed] = co_await socket_.async_connect(server_, told);
  if (failed) {
    socket_.close(ignored);
    co_return false;
  }
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return true;
}

awaitable<bool> Peer::send(verb method, const std::string& target, const std::string& body) {
  if (!socket_.is_open()) {
    const bool connected = co_await connect();
    if (!connected) co_return false;
  }
  http::request<http::string_body> request(method, target, 11);
  request.set(http::field::host, "127.0.0.1");
  request.body() = body;
  request.prepare_payload();
  const auto [failed, size] = co_await http::async_write(socket_, request, told);
  if (failed) cut(false);
  co_return !failed;
}

awaitable<std::optional<Answer>> Peer::ask(verb method, const std::string& target, const std::string& body) {
  const bool sent = co_await send(method, target, body);
  if (!sent) co_return std::nullopt;
  http::response<http::string_body> response;
  const auto [failed, size] = co_await http::async_read(socket_, read_, response, told);
  if (failed) {
    cut(false);
    co_return std::nullopt;
  }
  if (!response.keep_alive()) cut(false);
  Answer answer{response.result_int(), std::move(response.body())};
  co_return answer;
}

awaitable<void> Peer::pause(std::chrono::microseconds duration) {
  timer_.expires_after(duration);
  co_await timer_.async_wait(told);
}

void Peer::cut(bool reset) {
  boost::system::error_code ignored;
  if (reset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace lockkeeper::waiters
