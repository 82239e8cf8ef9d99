#include "http/acceptor.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/error.hpp>
#include <string>

namespace lockkeeper::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Beyond these the ones too many are closed without a word.
constexpr std::uint64_t refusing_at_once = 1024;
// Out of descriptors or memory: others have to close first.
constexpr std::chrono::milliseconds shortage_pause{100};

// A peer that vanished without a FIN (power, network, a forgetful firewall) is found when it has left three probes
// without an answer, or what was written to it unacknowledged as long.
constexpr int probe_after_s = 20;
constexpr int probe_every_s = 10;
constexpr int probes = 3;
constexpr std::chrono::milliseconds dead_after = std::chrono::seconds(probe_after_s + probes * probe_every_s);

template <int name>
using TcpOption = asio::detail::socket_option::integer<IPPROTO_TCP, name>;

}  // namespace

Acceptor::Acceptor(std::vector<std::unique_ptr<IoThread>>& threads, const Endpoint& endpoint, std::size_t index,
                   TlsSource tls, AcceptCounters& counters)
    : threads_(threads),
      index_(index),
      tls_(std::move(tls)),
      counters_(counters),
      acceptor_(threads.front()->context()),
      timer_(threads.front()->context()) {
  error_code ec;
  const auto check = [&] {
    if (!ec) return;
    throw ListenError("cannot listen on " + endpoint.address + " port " + std::to_string(endpoint.port) + ": " +
                      ec.message());
  };
  const auto address = asio::ip::make_address(endpoint.address, ec);
  check();
  const asio::ip::tcp::endpoint where(address, endpoint.port);
  acceptor_.open(where.protocol(), ec);
  check();
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  check();
  // Linux: what is accepted inherits these, at no cost for a connection.
  acceptor_.set_option(asio::ip::tcp::no_delay(true), ec);
  check();
  acceptor_.set_option(asio::socket_base::keep_alive(true), ec);
  check();
  acceptor_.set_option(TcpOption<TCP_KEEPIDLE>(probe_after_s), ec);
  check();
  acceptor_.set_option(TcpOption<TCP_KEEPINTVL>(probe_every_s), ec);
  check();
  acceptor_.set_option(TcpOption<TCP_KEEPCNT>(probes), ec);
  check();
  // Also bounds how long a client may read nothing, so it leaves the write time-out its say.
  const auto silence = std::max(dead_after, threads.front()->state().settings.write_timeout);
  acceptor_.set_option(TcpOption<TCP_USER_TIMEOUT>(static_cast<int>(silence.count())), ec);
  check();
  acceptor_.bind(where, ec);
  check();
  acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  check();
  port_ = acceptor_.local_endpoint(ec).port();
  check();
}

void Acceptor::accept() {
  IoThread& thread = *threads_[next_];
  next_ = (next_ + 1) % threads_.size();
  acceptor_.async_accept(thread.context(), [this, &thread](const error_code& ec, Socket socket) {
    accepted(ec, thread, std::move(socket));
  });
}

void Acceptor::accepted(const error_code& ec, IoThread& thread, Socket socket) {
  if (!acceptor_.is_open()) return;
  if (ec == asio::error::no_descriptors || ec == error_code(ENFILE, boost::system::system_category()) ||
      ec == asio::error::no_buffer_space || ec == asio::error::no_memory) {
    return pause();
  }
  if (!ec) hand_over(thread, std::move(socket));
  accept();  // anything else is that one client's trouble
}

void Acceptor::hand_over(IoThread& thread, Socket socket) {
  ListenerState& state = thread.state();
  counters_.accepted.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t refusing = state.refusing.load(std::memory_order_relaxed);
  const bool refused = state.open.load(std::memory_order_relaxed) - refusing >= state.settings.connections;
  if (refused) {
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
    if (refusing >= refusing_at_once) return;
    state.refusing.fetch_add(1, std::memory_order_relaxed);
  }
  state.open.fetch_add(1, std::memory_order_relaxed);
  IoThread::Accepted accepted{index_, refused, tls_()};
  if (&thread == threads_.front().get()) return thread.adopt(std::move(socket), std::move(accepted));
  thread.post([&thread, socket = std::move(socket), accepted = std::move(accepted)]() mutable {
    thread.adopt(std::move(socket), std::move(accepted));
  });
}

void Acceptor::pause() {
  timer_.expires_after(shortage_pause);
  timer_.async_wait([this](const error_code& ec) {
    if (!ec) accept();
  });
}

void Acceptor::close() {
  error_code ec;
  acceptor_.close(ec);
  timer_.cancel();
}

}  // namespace lockkeeper::http
