#include "client/lease_watch.h"

#include <algorithm>

namespace lockkeeper::client {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLeastMargin{500};
constexpr milliseconds kLeastPause{50};
constexpr milliseconds kLongestPause{5000};

// Also of a duration that is longer than the clock's own range.
LeaseWatch::Time after(LeaseWatch::Time time, std::optional<milliseconds> duration) {
  const auto room = std::chrono::floor<milliseconds>(LeaseWatch::Time::max() - time);
  return duration && *duration < room ? time + *duration : LeaseWatch::Time::max();
}

}  // namespace

LeaseWatch::LeaseWatch(const Terms& terms, Time asked, Time now)
    : terms_(terms), hold_ends_(after(asked, terms.max_hold)) {
  count_from(asked, asked);
  if (lost_at() > now || hold_ends_ <= now) return;
  unsure_ = true;
  lease_ends_ = after(now, terms_.ttl);  // no later than that
  renew_at_ = now;
}

milliseconds LeaseWatch::margin() const {
  if (!terms_.ttl) return terms_.margin.value_or(kLeastMargin);
  return std::min(terms_.margin.value_or(std::max(*terms_.ttl / 10, kLeastMargin)), *terms_.ttl / 2);
}

void LeaseWatch::count_from(Time asked, Time latest) {
  lease_ends_ = after(asked, terms_.ttl);
  const auto pause =
      terms_.ttl ? std::optional(std::min(*terms_.ttl / 3, (*terms_.ttl - margin()) / 2)) : std::nullopt;
  renew_at_ = std::max(after(asked, pause), latest);
}

LeaseWatch::Time LeaseWatch::lost_at() const {
  const Time ends = std::min(hold_ends_, lease_ends_);
  return ends == Time::max() ? ends : ends - margin();
}

LeaseWatch::State LeaseWatch::state(Time now) {
  if (now >= lost_at()) lost_ = true;
  return lost_ ? State::lost : unsure_ ? State::unsure : State::held;
}

LeaseWatch::Step LeaseWatch::next(Time now) {
  if (state(now) == State::lost) return {What::lost, now};
  if (now >= renew_at_) return {What::renew, now};
  return {What::sleep, std::min(renew_at_, lost_at())};
}

void LeaseWatch::renewed(Time asked, Time now, std::optional<milliseconds> ttl) {
  if (state(now) == State::lost) return;
  terms_.ttl = ttl;
  unsure_ = false;
  count_from(asked, now);
  state(now);
}

void LeaseWatch::failed(Time now, double random, std::optional<std::chrono::seconds> retry_after) {
  const auto remains = std::chrono::duration_cast<milliseconds>(lost_at() - now);
  milliseconds pause(static_cast<milliseconds::rep>(static_cast<double>(remains.count()) / 8 * (0.5 + random)));
  pause = std::clamp(pause, kLeastPause, kLongestPause);
  if (retry_after) pause = std::max(pause, std::min(milliseconds(*retry_after), remains / 2));
  renew_at_ = now + pause;
}

}  // namespace lockkeeper::client
