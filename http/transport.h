// A connection's way to its client: the socket, with or without TLS over it. Belongs to one I/O thread.
//
// Knows nothing of HTTP, and nothing of time-outs: cancel() ends whatever operation is under way.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>
#include <utility>

#include "http/io_thread.h"

namespace lockkeeper::http {

class Transport {
 public:
  using error_code = boost::system::error_code;
  using Context = boost::asio::ssl::context;

  // `tls` must outlive this; none: plain.
  Transport(Socket socket, Context* tls);

  bool secured() const { return tls_ != nullptr; }
  bool is_open() const { return socket_.is_open(); }
  std::string peer() const;  // "127.0.0.1:4711"
  // What TCP knows by now: the client closed its side, even if it still reads, or the connection broke. What the
  // client sent before and nobody has read yet does not hide that.
  bool client_gone() const;

  // Plain only: takes what the socket takes at once.
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return socket_.write_some(buffers, ec);
  }

  template <class Handler>
  void async_handshake(Handler&& handler) {
    tls_->async_handshake(TlsStream::server, std::forward<Handler>(handler));
  }
  template <class Buffer, class Handler>
  void async_read_some(const Buffer& buffer, Handler&& handler) {
    if (tls_) {
      tls_->async_read_some(buffer, std::forward<Handler>(handler));
    } else {
      socket_.async_read_some(buffer, std::forward<Handler>(handler));
    }
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
    }
  }
  // Until there is something to read, the client closes its side, or the connection breaks; at once if one of
  // these is so already. Nothing is read.
  template <class Handler>
  void async_wait(Handler&& handler) {
    socket_.async_wait(Socket::wait_read, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_end_tls(Handler&& handler) {
    tls_->async_shutdown(std::forward<Handler>(handler));
  }

  void forget_tls() { tls_.reset(); }  // what still comes need not be deciphered
  void cancel();
  void finish_sending();
  void close();  // says no more, not even close_notify

 private:
  using TlsStream = boost::asio::ssl::stream<Socket&>;

  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace lockkeeper::http
