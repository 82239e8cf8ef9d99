#include "http/io_thread.h"

#include <csignal>
#include <ctime>

#include "http/answer_head.h"
#include "http/connection.h"

namespace lockkeeper::http {
namespace {

// Signals are the main thread's business; a thread inherits the mask it was started under.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

IoThread::IoThread(ListenerState& state, std::size_t index)
    : state_(state), index_(index), work_(context_.get_executor()), sweeper_(context_), now_(Clock::now()) {}

IoThread::~IoThread() {
  end_and_join();
  connections_.clear();  // before the loop that their sockets belong to
}

void IoThread::start() {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] {
    sweep();
    context_.run();
  });
}

void IoThread::end_and_join() {
  if (!thread_.joinable()) return;
  post([this] { context_.stop(); });
  thread_.join();
}

void IoThread::adopt(Socket socket, Accepted accepted) {
  connections_.push_back(std::make_unique<Connection>(*this, std::move(socket), std::move(accepted)));
  Connection& connection = *connections_.back();
  connection.place = connections_.size() - 1;
  connection.start();
}

void IoThread::remove(Connection& connection) {
  const std::size_t place = connection.place;
  const std::unique_ptr<Connection> removed = std::move(connections_[place]);
  if (place + 1 != connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
  tell_if_drained();
}

void IoThread::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (const auto& connection : connections_) connection->drain();
  tell_if_drained();
}

void IoThread::tell_if_drained() {
  if (!drained_ || !connections_.empty()) return;
  const auto drained = std::exchange(drained_, nullptr);
  drained();
}

void IoThread::abort() {
  for (const auto& connection : connections_) connection->abort();
}

void IoThread::sweep() {
  now_ = Clock::now();
  if (const std::int64_t second = std::time(nullptr); second != date_second_) {
    date_second_ = second;
    date_ = date_line(second);
  }
  for (const auto& connection : connections_) connection->sweep(now_);
  sweeper_.expires_after(sweep_interval);
  sweeper_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) sweep();
  });
}

// Unique in the process without a contended counter: each thread takes numbers by the thousand.
std::uint64_t IoThread::next_id() {
  static std::atomic<std::uint64_t> next_block{1};
  constexpr std::uint64_t block = 1024;
  if (next_id_ == ids_end_) {
    next_id_ = next_block.fetch_add(block, std::memory_order_relaxed);
    ids_end_ = next_id_ + block;
  }
  return next_id_++;
}

}  // namespace lockkeeper::http
