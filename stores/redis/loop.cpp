#include "stores/redis/loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "stores/redis/loop_inside.h"

namespace lockkeeper::stores::redis {

namespace {

constexpr std::chrono::microseconds kLingering{400};  // Redis' fsync, and one way there and back

// While it does not sleep, to hand something over costs no wake-up.
void look_around(Loop::Inside& inside) {
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + kLingering;
  while (inside.lingers && !inside.context.stopped()) {
    if (inside.context.poll() != 0) {
      end = Clock::now() + kLingering;
    } else if (Clock::now() >= end) {
      return;
    } else {
      std::this_thread::yield();  // whoever has something to do goes first
    }
  }
}

}  // namespace

Loop::Loop() : inside_(std::make_unique<Inside>()) {}

Loop::~Loop() {
  stop();
}

void Loop::start() {
  inside_->thread = std::thread([this] {
    while (!inside_->context.stopped()) {
      if (inside_->lingers) look_around(*inside_);
      inside_->context.run_one();
    }
  });
}

void Loop::run_until(const std::function<bool()>& done) {
  while (!done()) inside_->context.run_one();
}

void Loop::stop() {
  inside_->context.stop();
  if (inside_->thread.joinable()) inside_->thread.join();
}

void Loop::linger(bool on) {
  inside_->lingers = on;
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
