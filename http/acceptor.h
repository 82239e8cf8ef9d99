// Takes connections at one endpoint and hands them to the I/O threads in turn.
//
// Lives on the first I/O thread; the constructor and port() may be called before that thread runs.
#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "http/io_thread.h"

namespace lockkeeper::http {

struct AcceptCounters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
};

class Acceptor {
 public:
  using TlsSource = std::function<std::shared_ptr<boost::asio::ssl::context>()>;

  // Binds and listens. Throws ListenError.
  Acceptor(std::vector<std::unique_ptr<IoThread>>& threads, const Endpoint& endpoint, std::size_t index,
           TlsSource tls, AcceptCounters& counters);

  std::uint16_t port() const { return port_; }
  void accept();  // and goes on until close()
  void close();

 private:
  void accepted(const boost::system::error_code& ec, IoThread& thread, Socket socket);
  void hand_over(IoThread& thread, Socket socket);
  void pause();

  std::vector<std::unique_ptr<IoThread>>& threads_;
  const std::size_t index_;
  const TlsSource tls_;
  AcceptCounters& counters_;
  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::io_context::executor_type> acceptor_;
  boost::asio::basic_waitable_timer<IoThread::Clock, boost::asio::wait_traits<IoThread::Clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
};

}  // namespace lockkeeper::http
