#include "http/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <utility>

#include "http/answer_head.h"

namespace lockkeeper::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::size_t first_read_bytes = 4096;
// A body up to this size goes out in one piece with its head.
constexpr std::size_t joined_bytes = 16 * 1024;
constexpr std::size_t kept_bytes = 4096;  // of output, while nothing is to be said
// A client that still sends gets this much of a hearing after its fault, so that it comes to read the answer.
constexpr std::size_t linger_bytes = 4 * 1024 * 1024;
constexpr auto linger_time = 2s;

std::string name_of(const Socket& socket) {
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "unknown";
  const auto address = endpoint.address();
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

std::array<asio::const_buffer, 2> skip(std::array<asio::const_buffer, 2> buffers, std::size_t size) {
  for (auto& buffer : buffers) {
    const std::size_t here = std::min(size, buffer.size());
    buffer += here;
    size -= here;
  }
  return buffers;
}

}  // namespace

Connection::Connection(IoThread& io, Socket socket, IoThread::Accepted accepted)
    : io_(io),
      socket_(std::move(socket)),
      accepted_(std::move(accepted)),
      peer_(name_of(socket_)),
      in_(std::max(settings().header_bytes, first_read_bytes)) {
  if (accepted_.tls) tls_ = std::make_unique<TlsStream>(socket_, *accepted_.tls);
}

Connection::~Connection() {
  io_.state().open.fetch_sub(1, std::memory_order_relaxed);
  if (accepted_.refused) io_.state().refusing.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start() {
  error_code ec;
  socket_.non_blocking(true, ec);
  next_request();
  if (io_.draining()) return run(Step::close);
  if (!tls_) return run(Step::read);
  enter(Phase::handshake, settings().handshake_timeout);
  tls_->async_handshake(TlsStream::server, [this](const error_code& result) { run(handshaken(result)); });
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
  overdue_ = true;
  deadline_ = IoThread::Clock::time_point::max();
  error_code ec;
  socket_.cancel(ec);
}

void Connection::drain() {
  if (phase_ != Phase::idle && phase_ != Phase::handshake) return;
  drained_ = true;
  error_code ec;
  socket_.cancel(ec);
}

void Connection::abort() {
  drained_ = true;
  error_code ec;
  socket_.close(ec);
}

bool Connection::client_gone() const {
  pollfd look{const_cast<Socket&>(socket_).native_handle(), POLLRDHUP, 0};
  return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) != 0;
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

template <class Handler>
void Connection::async_read(Handler handler) {
  const std::size_t spare = in_.capacity() - in_.size();
  const std::size_t size = std::min(std::max(spare, first_read_bytes / 4), in_.max_size() - in_.size());
  const auto buffer = in_.prepare(in_.capacity() == 0 ? first_read_bytes : size);
  if (tls_) {
    tls_->async_read_some(buffer, std::move(handler));
  } else {
    socket_.async_read_some(buffer, std::move(handler));
  }
}

template <class Handler>
void Connection::async_write(Handler handler) {
  if (tls_) {
    tls_->async_write_some(unsent_, std::move(handler));
  } else {
    socket_.async_write_some(unsent_, std::move(handler));
  }
}

Connection::Step Connection::handshaken(const error_code& ec) {
  if (!ec) {
    enter(Phase::idle, settings().idle_timeout);
    return drained_ ? Step::close : Step::read;
  }
  tls_.reset();  // nothing can be said over it
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
  async_read([this](const error_code& ec, std::size_t size) { run(received(ec, size)); });
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
  answered_ = false;
  in_service_ = true;
  service().serve(*this);
  in_service_ = false;
  return answered_ ? begin_answer() : Step::wait;
}

void Connection::answer(Response&& response) {
  response_ = std::move(response);
  answered_ = true;
  if (!in_service_) run(begin_answer());
}

Connection::Step Connection::answer_fault(Fault fault) {
  fault_ = fault;
  overdue_ = false;
  response_ = service().fault(fault.status, fault.text);
  response_.close = true;
  if (fault.status == 503) response_.headers.emplace_back("Retry-After", "1");
  linger_ = true;
  return begin_answer();
}

Connection::Step Connection::begin_answer() {
  AnswerFraming framing;
  framing.version = request_.version();
  chunked_ = response_.stream && framing.version >= 11;
  framing.chunked = chunked_;
  keep_ = !response_.close && !io_.draining() && parser_->is_header_done() && parser_->keep_alive() &&
          (!response_.stream || chunked_);
  framing.close = !keep_;
  if (!has_body(response_.status)) {
    response_.stream.reset();
    response_.body.clear();
    framing.chunked = false;
  } else if (!response_.stream) {
    framing.length = response_.body.size();
  }
  out_.clear();
  append_head(out_, response_, framing, io_.date());
  body_sent_ = 0;
  last_slice_ = false;
  std::string_view body = response_.body;
  if (request_.method() == "HEAD") {
    response_.stream.reset();
    body = {};
  }
  body_sent_ = body.size();
  after_ = response_.stream ? After::next_slice : After::conclude;
  if (body.size() <= joined_bytes) {
    out_ += body;
    body = {};
  }
  unsent_ = {asio::buffer(out_), asio::buffer(body.data(), body.size())};
  return Step::write;
}

// Tries at once without waiting; TLS can't: what a full socket did not take of a record would be lost.
Connection::Step Connection::write() {
  if (!tls_) {
    error_code ec;
    // One buffer takes send(), which is cheaper than sendmsg().
    const std::size_t size =
        unsent_[1].size() == 0 ? socket_.write_some(unsent_[0], ec) : socket_.write_some(unsent_, ec);
    unsent_ = skip(unsent_, size);
    if (ec && ec != asio::error::would_block) return conclude(false);
    if (asio::buffer_size(unsent_) == 0) return written();
  }
  if (phase_ != Phase::reading) enter(Phase::writing, settings().write_timeout);
  async_write([this](const error_code& ec, std::size_t size) {
    unsent_ = skip(unsent_, size);
    if (ec) return run(conclude(false));
    overdue_ = false;
    run(asio::buffer_size(unsent_) == 0 ? written() : Step::write);
  });
  return Step::wait;
}

Connection::Step Connection::written() {
  switch (after_) {
    case After::read_on:
      return parser_->is_done() ? Step::serve : Step::read;
    case After::next_slice:
      return last_slice_ ? conclude(true) : Step::slice;
    case After::conclude:
      break;
  }
  return conclude(true);
}

Connection::Step Connection::next_slice() {
  enter_unlimited(Phase::serving);
  in_service_ = true;
  answered_ = false;
  response_.stream->next([this](std::string text, bool last) {
    answered_ = true;
    const Step step = add_slice(std::move(text), last);
    if (!in_service_) run(step);
  });
  in_service_ = false;
  return answered_ ? Step::write : Step::wait;
}

Connection::Step Connection::add_slice(std::string&& text, bool last) {
  body_sent_ += text.size();
  last_slice_ = last;
  if (chunked_) {
    out_.clear();
    append_chunk(out_, text, last);
  } else {
    out_ = std::move(text);
  }
  unsent_ = {asio::buffer(out_), {}};
  return Step::write;
}

// The end of an answer, whole or broken off.
Connection::Step Connection::conclude(bool whole) {
  if (after_ == After::read_on) return Step::close;  // broke off before there was a request
  response_.stream.reset();
  if (fault_) {
    service().faulted(io_.next_id(), peer_, fault_->status, fault_->text);
  } else {
    service().finished(*this, whole ? response_.status : 0, body_sent_);
    attachment.reset();
  }
  response_ = {};
  if (out_.capacity() > kept_bytes) out_ = {};
  if (!whole || !socket_.is_open()) {
    linger_ = false;
    return Step::close;
  }
  if (!keep_) return linger_ ? Step::linger : Step::close;
  next_request();
  return io_.draining() && phase_ == Phase::idle ? Step::close : Step::read;
}

// Closing a socket with unread bytes resets it, and the client may lose the answer: read on for a while.
Connection::Step Connection::linger() {
  if (tls_) {
    enter(Phase::closing, linger_time);
    tls_->async_shutdown([this](const error_code&) {
      tls_.reset();  // all is said; what still comes need not be deciphered
      run(Step::linger);
    });
    return Step::wait;
  }
  if (phase_ != Phase::lingering) {
    enter(Phase::lingering, linger_time);
    overdue_ = false;
    error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
  }
  in_.clear();
  async_read([this](const error_code& ec, std::size_t size) {
    lingered_ += size;
    const bool enough = ec || overdue_ || lingered_ > linger_bytes;
    run(enough ? Step::close : Step::linger);
  });
  return Step::wait;
}

Connection::Step Connection::close() {
  error_code ec;
  const bool speak = tls_ && socket_.is_open() && !overdue_ && phase_ != Phase::closing;
  if (!speak) {
    socket_.shutdown(Socket::shutdown_both, ec);
    socket_.close(ec);
    return Step::gone;
  }
  // A client that sits on an idle connection may never reply: the end of the listener does not wait for it.
  enter(Phase::closing, io_.draining() ? 0s : linger_time);
  tls_->async_shutdown([this](const error_code&) { run(Step::close); });
  return Step::wait;
}

}  // namespace lockkeeper::http
