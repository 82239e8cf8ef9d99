#include "stores/postgresql/connector.h"

#include <utility>

namespace lockkeeper::stores::postgresql {

Connector::Connector(Make make, Bell& made) : make_(std::move(make)), bell_(made), thread_([this] { run(); }) {}

Connector::~Connector() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    wanted_or_over_.notify_one();
  }
  stop_.ring();
  thread_.join();
}

void Connector::want(std::size_t number) {
  const std::lock_guard lock(mutex_);
  wanted_ = number;
  wanted_or_over_.notify_one();
}

std::vector<std::unique_ptr<Connection>> Connector::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(made_, {});
}

void Connector::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_or_over_.wait(lock, [this] { return over_ || wanted_ > made_.size(); });
    if (over_) return;
    lock.unlock();
    auto one = make_(stop_.socket());
    lock.lock();
    if (one) {
      made_.push_back(std::move(one));
      bell_.ring();
    } else {
      wanted_or_over_.wait_for(lock, std::chrono::milliseconds(250), [this] { return over_; });
    }
  }
}

}  // namespace lockkeeper::stores::postgresql
