#include "http/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <utility>

#include "http/kept_storage.h"

namespace lockkeeper::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::size_t first_read_bytes = 4096;
// A waiting client that pipelines hides from epoll when it leaves: it is looked after this often.
constexpr auto look_again_after = 750ms;

}  // namespace

Connection::Connection(IoThread& io, Socket socket, IoThread::Accepted accepted)
    : io_(io),
      accepted_(std::move(accepted)),
      transport_(std::move(socket), accepted_.tls.get()),
      peer_(transport_.peer()),
      in_(std::max(settings().header_bytes, first_read_bytes)) {}

Connection::~Connection() {
  io_.state().open.fetch_sub(1, std::memory_order_relaxed);
  if (accepted_.refused) io_.state().refusing.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start() {
  next_request();
  if (io_.draining()) return run(Step::close);
  if (!transport_.secured()) return run(Step::read);
  enter(Phase::handshake, settings().handshake_timeout);
  transport_.async_handshake([this](const error_code& result) { run(handshaken(result)); });
}

void Connection::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  deadline_ = io_.deadline(limit);
}

void Connection::enter_unlimited(Phase phase) {
  phase_ = phase;
  deadline_ = IoThread::Clock::time_point::max();
}

void Connection::sweep(IoThread::Clock::time_point now) {
  if (now < deadline_) return;
  if (phase_ == Phase::serving) return watch();  // again: there is no other deadline while a request is served
  overdue_ = true;
  deadline_ = IoThread::Clock::time_point::max();
  transport_.cancel();
}

void Connection::drain() {
  if (phase_ != Phase::idle && phase_ != Phase::handshake) return;
  drained_ = true;
  transport_.cancel();
}

void Connection::abort() {
  drained_ = true;
  transport_.close();
}

void Connection::run(Step step) {
  for (;;) {
    switch (step) {
      case Step::read:
        step = read();
        break;
      case Step::serve:
        step = serve();
        break;
      case Step::write:
        step = write();
        break;
      case Step::slice:
        step = next_slice();
        break;
      case Step::linger:
        step = linger();
        break;
      case Step::close:
        step = close();
        break;
      case Step::wait:
        return;
      case Step::gone:
        return io_.remove(*this);
    }
  }
}

asio::mutable_buffer Connection::spare() {
  if (in_.capacity() == 0) return in_.prepare(first_read_bytes);
  const std::size_t unused = in_.capacity() - in_.size();
  return in_.prepare(std::min(std::max(unused, first_read_bytes / 4), in_.max_size() - in_.size()));
}

Connection::Step Connection::handshaken(const error_code& ec) {
  if (!ec) {
    enter(Phase::idle, settings().idle_timeout);
    return drained_ ? Step::close : Step::read;
  }
  transport_.forget_tls();  // nothing can be said over it
  if (drained_) return Step::close;
  if (ec ==
      error_code(static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_HTTP_REQUEST)), asio::error::get_ssl_category())) {
    return answer_fault({400, "this is an HTTPS port, and the request came as plain HTTP"});
  }
  service().faulted(io_.next_id(), peer_, 0,
                    overdue_ ? "TLS handshake timed out" : "TLS handshake failed: " + ec.message());
  return Step::close;
}

void Connection::next_request() {
  request_.clear();
  parser_.emplace(request_, settings());
  if (in_.size() == 0 && in_.capacity() > first_read_bytes) in_.shrink_to_fit();
  enter(Phase::idle, accepted_.refused ? linger_time : settings().idle_timeout);
  if (in_.size() != 0) begin_reading();
}

void Connection::begin_reading() {
  began_ = IoThread::Clock::now();
  enter(Phase::reading, settings().read_timeout);
}

Connection::Step Connection::read() {
  if (in_.size() != 0) {
    if (const Step step = parse(); step != Step::read) return step;
  }
  if (in_.size() == in_.max_size()) return answer_fault({400, "the chunked body is malformed"});
  transport_.async_read_some(spare(), [this](const error_code& ec, std::size_t size) { run(received(ec, size)); });
  return Step::wait;
}

Connection::Step Connection::received(const error_code& ec, std::size_t size) {
  if (!ec) {
    in_.commit(size);
    if (phase_ == Phase::idle) {
      begin_reading();
    } else if (overdue_) {
      deadline_ = IoThread::Clock::time_point::min();  // crossed with the sweeper, who looks again
    }
    overdue_ = false;
    return Step::read;
  }
  if (phase_ == Phase::idle || drained_) {
    overdue_ = false;
    return Step::close;
  }
  if (overdue_) return answer_fault({408, "the request took too long to arrive"});
  if (ec == asio::error::eof) return answer_fault({400, "the request ended before it was complete"});
  service().faulted(io_.next_id(), peer_, 0, "the connection broke within a request");
  return Step::close;
}

// Step::read: more has to arrive.
Connection::Step Connection::parse() {
  const auto bytes = in_.data();
  const auto progress = parser_->parse({static_cast<const char*>(bytes.data()), bytes.size()});
  in_.consume(progress.consumed);
  if (progress.fault.status != 0) return answer_fault(progress.fault);
  if (progress.continue_wanted && !accepted_.refused) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    unsent_ = {asio::buffer(out_), {}};
    after_ = After::read_on;
    return Step::write;
  }
  return progress.complete ? Step::serve : Step::read;
}

Connection::Step Connection::serve() {
  if (accepted_.refused) return answer_fault({503, "too many connections"});
  enter_unlimited(Phase::serving);
  id_ = io_.next_id();
  io_.count_request();
  mark = 0;
  answered_ = false;
  in_service_ = true;
  service().serve(*this);
  in_service_ = false;
  if (answered_) return begin_answer();
  if (gone_) watch();
  return Step::wait;
}

void Connection::when_client_gone(std::function<void()> gone) {
  gone_ = std::move(gone);
  if (!in_service_) watch();
}

void Connection::watch() {
  enter_unlimited(Phase::serving);
  if (in_.size() == 0) in_.shrink_to_fit();  // a long wait is to cost little
  give_back(out_);
  watching_ = true;
  transport_.async_wait([this](const error_code&) { watched(); });
}

// The client left, or there is something to read, or answer() or abort() ended the watch.
void Connection::watched() {
  watching_ = false;
  if (answered_) return run(begin_answer());
  if (!transport_.is_open()) return;
  // What is there to read would end a new watch at once: the sweeper begins it.
  if (!transport_.client_gone()) return enter(Phase::serving, look_again_after);
  left_ = true;
  const auto gone = std::exchange(gone_, nullptr);
  gone();  // may answer, and so destroy the connection
}

void Connection::answer(Response&& response) {
  response_ = std::move(response);
  answered_ = true;
  if (gone_) gone_ = nullptr;
  if (watching_) return transport_.cancel();  // watched() goes on
  if (!in_service_) run(begin_answer());
}

}  // namespace lockkeeper::http
