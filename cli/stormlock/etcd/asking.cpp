#include "cli/stormlock/etcd/asking.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

namespace lockkeeper::cli::stormlock {

using stores::etcd::Client;
using stores::etcd::ClientOptions;
using stores::etcd::Failure;
using stores::etcd::Result;
using stores::etcd::Txn;
using stores::etcd::TxnReply;

// What is handed over to the client's thread, and whether it has reached anybody.
class Asking::Host final : public Client::Host {
 public:
  void hand_over(std::function<void()> errand) {
    const std::scoped_lock lock(mutex_);
    errands_.push_back(std::move(errand));
  }

  // Until there is an answer, good or bad.
  void wait_until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_ || refused_; });
  }

  bool wait_until_reached(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return reached_; });
  }

 private:
  void woken() override {
    std::vector<std::function<void()>> errands;
    {
      const std::scoped_lock lock(mutex_);
      errands.swap(errands_);
    }
    for (const auto& each : errands) each();
  }
  void back() override { set(reached_, true); }
  void away() override { set(reached_, false); }
  void still_away() override { set(refused_, true); }

  void set(bool& what, bool value) {
    {
      const std::scoped_lock lock(mutex_);
      what = value;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> errands_;  // all three guarded by mutex_
  bool reached_ = false;
  bool refused_ = false;
};

Asking::Asking(ClientOptions options)
    : timeout_(options.timeout), host_(std::make_unique<Host>()), client_(std::move(options), *host_) {
  client_.start();
  host_->wait_until_asked();
  if (client_.ready()) return;
  client_.stop();
  throw BackendError(client_.last_failure().why);
}

Asking::~Asking() {
  client_.stop();
}

void Asking::reach_again() {
  host_->wait_until_reached(timeout_);
}

template <class Reply, class Ask>
Result<Reply> Asking::wait(Ask ask) {
  const auto answer = std::make_shared<std::promise<Result<Reply>>>();
  auto future = answer->get_future();
  host_->hand_over([ask = std::move(ask), answer] {
    ask([answer](Result<Reply> reply) { answer->set_value(std::move(reply)); });
  });
  client_.wake();
  // Requests have their deadlines; a stream has none.
  if (future.wait_for(timeout_ * 2) == std::future_status::ready) return future.get();
  return Failure{Failure::Kind::unknown, "etcd: no answer in time"};
}

Result<TxnReply> Asking::txn(Txn txn) {
  const auto shared = std::make_shared<Txn>(std::move(txn));
  return wait<TxnReply>([this, shared](auto done) {
    client_.txn(std::move(*shared), std::chrono::steady_clock::now() + timeout_, std::move(done));
  });
}

Result<stores::etcd::Lease> Asking::grant(std::int64_t lease, std::chrono::seconds ttl) {
  return wait<stores::etcd::Lease>([this, lease, ttl](auto done) { client_.grant(lease, ttl, std::move(done)); });
}

Result<stores::etcd::Lease> Asking::keep_alive(std::int64_t lease) {
  return wait<stores::etcd::Lease>([this, lease](auto done) { client_.keep_alive(lease, std::move(done)); });
}

Result<std::monostate> Asking::revoke(std::int64_t lease) {
  return wait<std::monostate>([this, lease](auto done) { client_.revoke(lease, std::move(done)); });
}

}  // namespace lockkeeper::cli::stormlock
