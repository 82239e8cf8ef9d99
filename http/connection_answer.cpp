// How an answer goes out, and how a connection ends after it.
#include <algorithm>
#include <utility>

#include "http/answer_head.h"
#include "http/connection.h"
#include "http/kept_storage.h"

namespace lockkeeper::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A body up to this size goes out in one piece with its head.
constexpr std::size_t joined_bytes = 16 * 1024;
// A client that still sends gets this much of a hearing after its fault, so that it comes to read the answer.
constexpr std::size_t linger_bytes = 4 * 1024 * 1024;

std::array<asio::const_buffer, 2> skip(std::array<asio::const_buffer, 2> buffers, std::size_t size) {
  for (auto& buffer : buffers) {
    const std::size_t here = std::min(size, buffer.size());
    buffer += here;
    size -= here;
  }
  return buffers;
}

}  // namespace

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
  if (left_) {
    after_ = After::conclude;
    body_sent_ = 0;
    return conclude(false);
  }
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
  if (!transport_.secured()) {
    error_code ec;
    // One buffer takes send(), which is cheaper than sendmsg().
    const std::size_t size =
        unsent_[1].size() == 0 ? transport_.write_some(unsent_[0], ec) : transport_.write_some(unsent_, ec);
    unsent_ = skip(unsent_, size);
    if (ec && ec != asio::error::would_block) return conclude(false);
    if (asio::buffer_size(unsent_) == 0) return written();
  }
  if (phase_ != Phase::reading) enter(Phase::writing, settings().write_timeout);
  transport_.async_write_some(unsent_, [this](const error_code& ec, std::size_t size) {
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
  give_back_excess(response_.body);
  response_ = {};
  give_back_excess(out_);
  if (!whole || !transport_.is_open()) {
    linger_ = false;
    return Step::close;
  }
  if (!keep_) return linger_ ? Step::linger : Step::close;
  next_request();
  return io_.draining() && phase_ == Phase::idle ? Step::close : Step::read;
}

// Closing a socket with unread bytes resets it, and the client may lose the answer: read on for a while.
Connection::Step Connection::linger() {
  if (transport_.secured()) {
    enter(Phase::closing, linger_time);
    transport_.async_end_tls([this](const error_code&) {
      transport_.forget_tls();
      run(Step::linger);
    });
    return Step::wait;
  }
  if (phase_ != Phase::lingering) {
    enter(Phase::lingering, linger_time);
    overdue_ = false;
    transport_.finish_sending();
  }
  in_.clear();
  transport_.async_read_some(spare(), [this](const error_code& ec, std::size_t size) {
    lingered_ += size;
    const bool enough = ec || overdue_ || lingered_ > linger_bytes;
    run(enough ? Step::close : Step::linger);
  });
  return Step::wait;
}

Connection::Step Connection::close() {
  const bool speak =
      transport_.secured() && transport_.is_open() && !overdue_ && !left_ && phase_ != Phase::closing;
  if (!speak) {
    transport_.close();
    return Step::gone;
  }
  // A client that sits on an idle connection may never reply: the end of the listener does not wait for it.
  enter(Phase::closing, io_.draining() ? 0s : linger_time);
  transport_.async_end_tls([this](const error_code&) { run(Step::close); });
  return Step::wait;
}

}  // namespace lockkeeper::http
