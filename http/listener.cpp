#include "http/listener.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "http/acceptor.h"
#include "http/io_thread.h"
#include "http/tls_context.h"

namespace lockkeeper::http {

class Listener::Impl {
 public:
  Impl(ListenerSettings settings, Service& service) : state_(std::move(settings), service) {
    if (state_.settings.tls) tls_ = load_tls(*state_.settings.tls);
    const std::size_t count = std::max<std::size_t>(1, state_.settings.io_threads);
    for (std::size_t i = 0; i < count; ++i) threads_.push_back(std::make_unique<IoThread>(state_, i));
    for (const Endpoint& endpoint : state_.settings.endpoints) {
      acceptors_.push_back(std::make_unique<Acceptor>(
          threads_, endpoint, acceptors_.size(), [this] { return tls(); }, counters_));
    }
  }

  ~Impl() {
    stop(std::chrono::milliseconds(0));
    acceptors_.clear();
    threads_.clear();
  }

  void start() {
    const std::lock_guard lock(lifecycle_);
    if (life_ != Life::fresh) return;
    life_ = Life::running;
    for (const auto& acceptor : acceptors_) acceptor->accept();
    for (const auto& thread : threads_) thread->start();
  }

  void stop(std::chrono::milliseconds grace) {
    const std::lock_guard lock(lifecycle_);
    const Life before = std::exchange(life_, Life::stopped);
    if (before != Life::running) return;
    threads_.front()->post([this] {
      for (const auto& acceptor : acceptors_) acceptor->close();
    });
    for (const auto& thread : threads_) {
      thread->post([this, &thread] { thread->drain([this] { count_drained(); }); });
    }
    {
      std::unique_lock waiting(drained_mutex_);
      all_drained_.wait_for(waiting, grace, [this] { return drained_ == threads_.size(); });
    }
    for (const auto& thread : threads_) {
      thread->post([&thread] { thread->abort(); });
    }
    for (const auto& thread : threads_) thread->end_and_join();
  }

  void reload_tls() {
    if (!state_.settings.tls) return;
    auto fresh = load_tls(*state_.settings.tls);
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(fresh);
  }

  std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> ports;
    for (const auto& acceptor : acceptors_) ports.push_back(acceptor->port());
    return ports;
  }

  std::size_t io_threads() const { return threads_.size(); }
  void post(std::size_t io, std::function<void()> task) { threads_[io]->post(std::move(task)); }

  ListenerCounters counters() const {
    ListenerCounters counters;
    counters.connections = state_.open.load(std::memory_order_relaxed);
    counters.accepted = counters_.accepted.load(std::memory_order_relaxed);
    counters.refused = counters_.refused.load(std::memory_order_relaxed);
    for (const auto& thread : threads_) counters.requests += thread->requests();
    return counters;
  }

 private:
  enum class Life { fresh, running, stopped };

  std::shared_ptr<boost::asio::ssl::context> tls() {
    if (!state_.settings.tls) return nullptr;
    const std::lock_guard lock(tls_mutex_);
    return tls_;
  }

  void count_drained() {
    const std::lock_guard lock(drained_mutex_);
    ++drained_;
    all_drained_.notify_one();
  }

  ListenerState state_;
  std::mutex tls_mutex_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  AcceptCounters counters_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;  // on the first thread

  std::mutex lifecycle_;
  Life life_ = Life::fresh;
  std::mutex drained_mutex_;
  std::condition_variable all_drained_;
  std::size_t drained_ = 0;
};

Listener::Listener(ListenerSettings settings, Service& service)
    : impl_(std::make_unique<Impl>(std::move(settings), service)) {}
Listener::~Listener() = default;

void Listener::start() {
  impl_->start();
}
std::vector<std::uint16_t> Listener::ports() const {
  return impl_->ports();
}
std::size_t Listener::io_threads() const {
  return impl_->io_threads();
}
void Listener::post(std::size_t io, std::function<void()> task) {
  impl_->post(io, std::move(task));
}
void Listener::reload_tls() {
  impl_->reload_tls();
}
void Listener::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}
ListenerCounters Listener::counters() const {
  return impl_->counters();
}

}  // namespace lockkeeper::http
