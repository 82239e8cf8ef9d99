#include "client/keep_alive.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

namespace lockkeeper::client {

namespace {

using std::chrono::milliseconds;
using Time = LeaseWatch::Time;

// Fires by the boot clock: at once when the machine wakes from a sleep that outlasted it, where poll()'s own
// time-out would first wait for its rest.
class Alarm {
 public:
  Alarm() : descriptor_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "no timer for a lease");
  }
  ~Alarm() { close(descriptor_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Returns then, or as soon as `interrupt` is raised.
  void sleep_until(Time time, const http::Interrupt& interrupt) {
    const auto since = time.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(seconds.count());
    spec.it_value.tv_nsec = static_cast<long>(std::max<Time::rep>((since - seconds).count(), 1));  // 0 disarms
    timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &spec, nullptr);
    pollfd either[2] = {{descriptor_, POLLIN, 0}, {interrupt.descriptor(), POLLIN, 0}};
    poll(either, 2, -1);
  }

 private:
  int descriptor_;
};

std::string ended(const wire::DeniedView& denied) {
  if (denied.why == "superseded") return "another intention has taken the claim over";
  if (denied.ended == "lapsed") return "it lapsed";
  if (denied.ended == "forced") return "an operator ended it";
  if (denied.ended == "released") return "it was released";
  return "the server says: " + denied.error;
}

}  // namespace

class KeepAlive::Impl {
 public:
  Impl(Settings settings, Lease lease, Options options)
      : request_timeout_(settings.request_timeout),
        client_(std::move(settings)),
        lease_(std::move(lease)),
        watch_({lease_.ttl, lease_.max_hold, options.margin}, lease_.asked, BootClock::now()),
        lost_(std::move(options.lost)),
        renewed_(std::move(options.renewed)) {
    client_.set_interrupt(&stop_);
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    stop_.raise();
    thread_.join();
  }

  State state() {
    const std::scoped_lock lock(mutex_);
    return watch_.state(BootClock::now());
  }

  bool sure() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return watch_.state(BootClock::now()) != State::unsure; });
    return watch_.state(BootClock::now()) == State::held;
  }

  Time lost_at() const {
    const std::scoped_lock lock(mutex_);
    return watch_.lost_at();
  }

  std::string why() const {
    const std::scoped_lock lock(mutex_);
    if (why_.empty() && BootClock::now() >= watch_.lost_at()) return "its time is over";
    return why_;
  }

 private:
  void run() {
    while (!stop_.raised()) {
      const LeaseWatch::Step step = next();
      if (step.what == LeaseWatch::What::lost) return report();
      if (step.what == LeaseWatch::What::renew) {
        renew();
        changed_.notify_all();
        if (renewed_ && state() == State::held) renewed_(lost_at());
      } else {
        alarm_.sleep_until(step.until, stop_);
      }
    }
  }

  LeaseWatch::Step next() {
    const std::scoped_lock lock(mutex_);
    return watch_.next(BootClock::now());
  }

  void renew() {
    const Time asked = BootClock::now();
    client_.set_request_timeout(timeout(asked));
    try {
      const auto answer = client_.renew(lease_.lock, lease_.key, lease_.claim, lease_.token, lease_.ttl);
      const std::scoped_lock lock(mutex_);
      if (const auto* renewed = std::get_if<wire::RenewedView>(&answer)) {
        watch_.renewed(asked, BootClock::now(), renewed->ttl);
        why_.clear();
      } else {
        watch_.gone();
        why_ = ended(std::get<wire::DeniedView>(answer));
      }
    } catch (const ServerError& error) {
      failed(error.what(), error.retry_after);
    } catch (const std::exception& error) {
      failed(error.what(), std::nullopt);
    }
  }

  // So that no request outlasts the lease, and its loss is told in time.
  milliseconds timeout(Time now) {
    const std::scoped_lock lock(mutex_);
    const Time lost_at = watch_.lost_at();
    if (lost_at == Time::max()) return request_timeout_;
    return std::clamp(std::chrono::ceil<milliseconds>(lost_at - now), milliseconds(1), request_timeout_);
  }

  // Also what never passes (401, 404) is tried again: the lease stands, and somebody may put it right.
  void failed(const std::string& why, std::optional<std::chrono::seconds> retry_after) {
    const std::scoped_lock lock(mutex_);
    why_ = "it could not be renewed: " + why;
    watch_.failed(BootClock::now(), std::uniform_real_distribution<double>()(random_), retry_after);
  }

  void report() {
    std::string why;
    {
      const std::scoped_lock lock(mutex_);
      if (why_.empty()) why_ = "its time is over";
      why = why_;
    }
    changed_.notify_all();
    if (lost_) lost_(why);
  }

  const milliseconds request_timeout_;
  http::Interrupt stop_;
  Alarm alarm_;
  LockClient client_;
  const Lease lease_;
  mutable std::mutex mutex_;  // guards watch_ and why_
  std::condition_variable changed_;
  LeaseWatch watch_;
  std::string why_;
  const std::function<void(const std::string& why)> lost_;
  const std::function<void(Time)> renewed_;
  std::minstd_rand random_{std::random_device{}()};
  std::thread thread_;
};

Lease lease(const std::string& lock, const std::string& key, const wire::GrantedView& granted,
            BootClock::time_point asked) {
  return {lock, key, granted.claim, granted.token, granted.ttl, granted.max_hold, asked};
}

KeepAlive::KeepAlive(Settings settings, Lease lease, Options options)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(lease), std::move(options))) {}
KeepAlive::~KeepAlive() = default;

KeepAlive::State KeepAlive::state() {
  return impl_->state();
}
bool KeepAlive::sure() {
  return impl_->sure();
}
BootClock::time_point KeepAlive::lost_at() const {
  return impl_->lost_at();
}
std::string KeepAlive::why() const {
  return impl_->why();
}

}  // namespace lockkeeper::client
