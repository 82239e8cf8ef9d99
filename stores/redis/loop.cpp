#include "stores/redis/loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "stores/redis/loop_inside.h"

namespace lockkeeper::stores::redis {

Loop::Loop() : inside_(std::make_unique<Inside>()) {}

Loop::~Loop() {
  stop();
}

void Loop::start() {
  inside_->thread = std::thread([this] { inside_->context.run(); });
}

void Loop::stop() {
  inside_->context.stop();
  if (inside_->thread.joinable()) inside_->thread.join();
}

void Loop::hand_over(std::function<void()> work) {
  boost::asio::post(inside_->context, std::move(work));
}

struct Timer::Inside {
  explicit Inside(boost::asio::io_context& context) : timer(context) {}
  boost::asio::steady_timer timer;
  std::function<void()> then;
  unsigned long started = 0;  // a wait that ended just before it was stopped is not the current one
};

Timer::Timer(Loop& loop) : inside_(std::make_shared<Inside>(loop.inside().context)) {}

Timer::~Timer() {
  stop();
}

void Timer::start(std::chrono::nanoseconds after, std::function<void()> then) {
  inside_->then = std::move(then);
  inside_->timer.expires_after(after);
  inside_->timer.async_wait([inside = inside_, mine = ++inside_->started](const boost::system::error_code&) {
    if (inside->started != mine || !inside->then) return;
    std::exchange(inside->then, nullptr)();
  });
}

void Timer::stop() {
  ++inside_->started;
  inside_->then = nullptr;
  inside_->timer.cancel();
}

}  // namespace lockkeeper::stores::redis
