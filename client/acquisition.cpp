#include "client/acquisition.h"

#include <algorithm>
#include <exception>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>

#include "client/failure.h"
#include "client/retry.h"

namespace lockkeeper::client {

using namespace std::chrono_literals;

namespace {

using milliseconds = Acquisition::milliseconds;
using Time = BootClock::time_point;

constexpr milliseconds kRequestTimeout = 10s;
constexpr milliseconds kShortestTry = 1s;  // a shorter last one would be none
constexpr milliseconds kGiveBackTimeout = 2500ms;
constexpr int kGiveBackTries = 2;
// Proxies cut what is silent for a minute.
constexpr milliseconds kPoll = 25s;
// A poll that lasted so long was a pause of its own, however long it asked for: a server may have a shorter bound.
constexpr milliseconds kRest = 1s;
constexpr Backoff::Settings kPauses{.first = 500ms, .cap = 10s};

Time later(Time time, milliseconds by) {
  return by >= std::chrono::floor<milliseconds>(Time::max() - time) ? Time::max() : time + by;
}

milliseconds until(Time end) {
  if (end == Time::max()) return Acquisition::for_ever;
  return std::max(std::chrono::ceil<milliseconds>(end - BootClock::now()), 0ms);
}

struct Stopped {};  // the interrupt was raised

}  // namespace

class Acquisition::Impl {
 public:
  Impl(LockClient& client, Order order, Listener listener)
      : client_(client),
        order_(std::move(order)),
        listener_(std::move(listener)),
        intention_{order_.claim.empty() ? new_request_id() : order_.claim, new_request_id(), std::nullopt},
        backoff_(kPauses, [this] { return std::uniform_real_distribution<double>()(random_); }) {
    if (order_.wait && *order_.wait <= 0ms) order_.wait.reset();
  }

  End run(const http::Interrupt* interrupt) {
    interrupt_ = interrupt;
    client_.set_interrupt(interrupt);
    try {
      End end = acquire();
      // It is over, or nobody comes for the place any more.
      if (!std::holds_alternative<Granted>(end)) leave();
      return end;
    } catch (const Stopped&) {
      leave();
      return Interrupted{};
    } catch (...) {
      leave();
      throw;
    }
  }

  bool may_stand() const { return may_stand_; }

  bool give_back() {
    if (stood_) return false;
    bool answered = false;
    client_.set_interrupt(nullptr);
    client_.set_request_timeout(kGiveBackTimeout);
    for (int tries = 0; tries < kGiveBackTries && !answered; ++tries) {
      try {
        client_.withdraw(order_.lock, order_.identity, intention_);
        answered = true;
      } catch (...) {
        if (!current_failure().may_pass) break;
      }
    }
    client_.set_interrupt(interrupt_);
    return answered;
  }

 private:
  using Answer = std::variant<wire::GrantedView, wire::DeniedView>;

  End acquire() {
    silent_since_ = BootClock::now();
    if (order_.wait) wait_ends_ = later(silent_since_, *order_.wait);
    begin();
    for (;;) {
      Answer answer = poll();
      if (auto* granted = std::get_if<wire::GrantedView>(&answer)) return taken(std::move(*granted));
      auto& denied = std::get<wire::DeniedView>(answer);
      require_native(denied.native);
      if (!denied.why.empty()) {
        if (begins_again(denied)) continue;
        unknown_ = false;
        std::string why = why_over(denied);
        return Over{std::move(denied), std::move(why)};
      }
      refused(denied);
      if (!order_.wait) return Held{std::move(denied)};
      if (listener_.queued) listener_.queued(denied);
      if (until(wait_ends_) == 0ms) return Held{std::move(denied)};
      rest();
    }
  }

  void begin() {
    const wire::LockView view = ask([this] { return client_.lock(order_.lock); });
    require_native(client_.kind() != ServerKind::original);
    intention_.begun = known_ = view.version;
    const auto own = [this](const auto& one) { return one.claim == intention_.claim; };
    // A place, too: its turn may come, and be taken up, before it is taken over.
    stood_ = std::any_of(view.claims.begin(), view.claims.end(), own) ||
             std::any_of(view.queue.begin(), view.queue.end(), own);
  }

  void require_native(bool native) const {
    if (native) return;
    throw OriginalServer(
        client_.url() + " is an original locker server: it knows no leases, no claims and no queue, so " +
        order_.lock + " cannot be taken there in a way that gives it back. Use a Lockkeeper server");
  }

  // One answer to the intention, through whatever goes wrong.
  Answer poll() {
    std::optional<milliseconds> wait;
    if (order_.wait) wait = placed_ ? std::min(kPoll, until(wait_ends_)) : 0ms;
    std::optional<Time> unanswered;  // the first request that may have been granted without an answer
    return ask([&] {
      const AcquireOptions options{order_.metadata, order_.ttl, wait};
      if (wait) wait = 0ms;  // after a failure: that it answers again, and with which place, is told at once
      polled_ = {BootClock::now(), options.wait.value_or(0ms)};
      asked_ = polled_.at;
      const bool before = std::exchange(unknown_, true);
      try {
        Answer answer = client_.acquire(order_.lock, order_.identity, intention_, options);
        const auto* granted = std::get_if<wire::GrantedView>(&answer);
        if (granted == nullptr) unknown_ = before;
        if (granted != nullptr && !granted->again) stood_ = granted->taken_over;
        if (granted != nullptr && granted->again && unanswered) asked_ = *unanswered;
        return answer;
      } catch (...) {
        const bool unknown = current_failure().unknown;
        unknown_ = before || unknown;
        if (unknown && !unanswered) unanswered = polled_.at;
        throw;
      }
    });
  }

  End taken(wire::GrantedView granted) {
    require_native(granted.native);
    if (interrupt_ != nullptr && interrupt_->raised()) throw Stopped();
    if (granted.claim.empty()) granted.claim = intention_.claim;
    granted.request = intention_.request;  // which the server does not repeat
    return Granted{std::move(granted), asked_};
  }

  void refused(const wire::DeniedView& denied) {
    stood_ = false;  // a claim with this key would have been taken over
    placed_ = denied.queued.has_value();
    if (placed_) {
      unknown_ = true;  // its turn may come at any moment
    } else {
      intention_.begun = denied.version;
    }
    known_ = denied.version;
  }

  // Its place stood at the version that it knows, so nothing was closed until then.
  bool begins_again(const wire::DeniedView& denied) {
    if (denied.why != "forgotten" || intention_.begun >= known_) return false;
    intention_.begun = known_;
    return true;
  }

  std::string why_over(const wire::DeniedView& denied) const {
    if (denied.why == "superseded") return "somebody else has taken over the claim " + intention_.claim;
    if (denied.why == "forgotten") {
      return "this began so long ago that the server cannot tell whether " + order_.lock + " was given up since";
    }
    if (denied.ended == "forced") return "an operator's force-release ended it";
    if (denied.ended == "lapsed") {
      return order_.lock + " was granted, and lapsed before an answer told so: " + client_.url() +
             " was out of reach for longer than its ttl";
    }
    return "the claim " + intention_.claim + " was released or withdrawn meanwhile";
  }

  // After a poll that lasted the next one follows at once: without an open poll a turn may be lost.
  void rest() {
    if (placed_ && BootClock::now() - polled_.at >= std::min(polled_.wait, kRest)) {
      backoff_.reset();
      return;
    }
    sleep(std::min(backoff_.next(), until(wait_ends_)));
  }

  // When to go on no longer without an answer.
  Time patient_until() const { return placed_ ? wait_ends_ : later(silent_since_, order_.patience); }

  template <class Ask>
  std::invoke_result_t<Ask> ask(Ask once) {
    for (;;) {
      if (interrupt_ != nullptr && interrupt_->raised()) throw Stopped();
      client_.set_request_timeout(std::clamp(until(patient_until()), kShortestTry, kRequestTimeout));
      try {
        auto answer = once();
        answered();
        return answer;
      } catch (const Stopped&) {
        throw;
      } catch (...) {
        const Failure failure = current_failure();
        if (failure.ended) throw Stopped();
        const milliseconds left = until(patient_until());
        if (!failure.may_pass || left == 0ms) throw;
        if (!std::exchange(failing_, true) && listener_.trouble) listener_.trouble(failure.text);
        sleep(std::min(backoff_.next(failure.retry_after), left));
      }
    }
  }

  void answered() {
    silent_since_ = BootClock::now();
    if (!std::exchange(failing_, false)) return;
    backoff_.reset();
    if (listener_.answered) listener_.answered();
  }

  void sleep(milliseconds pause) const {
    if (interrupt_ == nullptr) return std::this_thread::sleep_for(pause);
    if (interrupt_->sleep(pause)) throw Stopped();
  }

  void leave() {
    if (unknown_) may_stand_ = !give_back();
  }

  LockClient& client_;
  Order order_;
  const Listener listener_;
  Intention intention_;
  const http::Interrupt* interrupt_ = nullptr;
  std::minstd_rand random_{std::random_device{}()};
  Backoff backoff_;
  locks::Version known_ = 0;  // the newest that an answer told
  bool placed_ = false;
  bool unknown_ = false;  // it may have the lock, or come to have it
  bool stood_ = false;    // before it, under its name: what it takes over is not its own to end
  bool may_stand_ = false;
  bool failing_ = false;
  struct {
    Time at;
    milliseconds wait;
  } polled_{};
  Time asked_, silent_since_;
  Time wait_ends_ = Time::max();
};

Acquisition::Acquisition(LockClient& client, Order order, Listener listener)
    : impl_(std::make_unique<Impl>(client, std::move(order), std::move(listener))) {}
Acquisition::~Acquisition() = default;

Acquisition::End Acquisition::run(const http::Interrupt* interrupt) {
  return impl_->run(interrupt);
}

bool Acquisition::may_stand() const {
  return impl_->may_stand();
}

bool Acquisition::give_back() {
  return impl_->give_back();
}

}  // namespace lockkeeper::client
