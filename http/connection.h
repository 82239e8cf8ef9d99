// One connection and the exchange under way on it. Belongs to one I/O thread and is touched only there.
//
// At most one asynchronous operation is under way at any time; its handler, or else answer() or a stream's slice,
// is what brings the connection on. So nobody needs to count references: the connection is destroyed by the step
// that ends it, and a time-out only cancels the operation, whose handler then sees `overdue_`.
//
// The watch for a client that leaves while its answer is due is such an operation too. An answer that meets it only
// cancels it, and the watch's handler, which comes in any case, is what writes the answer; so the connection is not
// read, written or destroyed before. What the client sent meanwhile ends the watch as well, without its having
// left: then none is under way until the sweeper begins the next, some time later.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "http/io_thread.h"
#include "http/received_request.h"
#include "http/transport.h"

namespace lockkeeper::http {

class Connection final : public Exchange {
 public:
  Connection(IoThread& io, Socket socket, IoThread::Accepted accepted);
  ~Connection();

  void start();
  void sweep(IoThread::Clock::time_point now);
  void drain();
  void abort();

  const Request& request() const override { return request_; }
  std::size_t io() const override { return io_.index(); }
  std::uint64_t id() const override { return id_; }
  std::string_view peer() const override { return peer_; }
  std::size_t listener() const override { return accepted_.listener; }
  std::chrono::steady_clock::time_point began() const override { return began_; }
  void answer(Response&& response) override;
  bool client_gone() const override { return transport_.client_gone(); }
  void when_client_gone(std::function<void()> gone) override;

  std::size_t place = 0;  // among the I/O thread's connections

 private:
  using error_code = boost::system::error_code;

  enum class Phase { handshake, idle, reading, serving, writing, lingering, closing };
  enum class Step { read, serve, write, slice, linger, close, wait, gone };
  static constexpr std::chrono::seconds linger_time{2};  // for a client that is to hear why it is sent away
  enum class After { read_on, next_slice, conclude };    // when the writing is done

  // Takes steps until one has to wait; the connection may be gone afterwards.
  void run(Step step);
  Step read();
  Step received(const error_code& ec, std::size_t size);
  Step parse();
  Step serve();
  Step answer_fault(Fault fault);
  Step begin_answer();
  Step write();
  Step written();
  Step next_slice();
  Step add_slice(std::string&& text, bool last);
  Step conclude(bool whole);
  Step linger();
  Step close();
  Step handshaken(const error_code& ec);

  void enter(Phase phase, std::chrono::milliseconds limit);
  void enter_unlimited(Phase phase);
  void begin_reading();
  void next_request();
  void watch();
  void watched();
  boost::asio::mutable_buffer spare();  // for what is read next
  const ListenerSettings& settings() const { return io_.state().settings; }
  Service& service() { return io_.state().service; }

  IoThread& io_;
  const IoThread::Accepted accepted_;
  Transport transport_;
  std::string peer_;

  Phase phase_ = Phase::idle;
  IoThread::Clock::time_point deadline_ = IoThread::Clock::time_point::max();
  bool overdue_ = false;  // the deadline passed: its operation is being cancelled
  bool drained_ = false;  // told to end while it was idle

  boost::beast::flat_buffer in_;
  ReceivedRequest request_;
  std::optional<RequestParser> parser_;
  std::uint64_t id_ = 0;
  IoThread::Clock::time_point began_;

  Response response_;
  bool in_service_ = false;  // within serve() or Stream::next(): the loop in run() goes on by itself
  bool answered_ = false;
  std::function<void()> gone_;  // to be called when the client leaves before the answer
  bool watching_ = false;       // for that: the operation that is under way
  bool left_ = false;           // the service was told so; nothing is written any more
  std::optional<Fault> fault_;  // the answer is to this, not to an exchange
  bool keep_ = false;           // the connection, after this answer
  bool linger_ = false;         // the client may still be sending
  bool chunked_ = false;
  bool last_slice_ = false;
  std::string out_;
  std::array<boost::asio::const_buffer, 2> unsent_;
  After after_ = After::conclude;
  std::uint64_t body_sent_ = 0;
  std::size_t lingered_ = 0;
};

}  // namespace lockkeeper::http
