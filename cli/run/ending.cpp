#include "cli/run/ending.h"

#include <algorithm>

namespace lockkeeper::cli::run {

namespace {

// What a KILL missed, since it was just being made, gets the next one.
constexpr milliseconds kKillPause{10};

Time after(Time time, milliseconds span) {
  return time > Time::max() - span ? Time::max() : time + span;
}

}  // namespace

Spans spans_of(milliseconds ttl, milliseconds grace) {
  return {std::clamp(grace, milliseconds(0), std::min<milliseconds>(ttl / 3, std::chrono::hours(24))),
          std::min(std::max(ttl / 10, milliseconds(500)), ttl / 6)};
}

void Ending::put_off(Time term_at) {
  if (!by_lease_) term_at_ = term_at;
}

void Ending::begin(Time now, milliseconds grace) {
  begun_ = true;
  begun_kill_at_ = std::min(begun_kill_at_, after(now, grace));
}

Time Ending::kill_at() const {
  return std::min(begun_kill_at_, after(term_at_, grace_));
}

Ending::Step Ending::next(Time now) {
  if (now >= term_at_) begun_ = by_lease_ = true;
  if (!begun_) return {What::sleep, term_at_};
  // Who wakes after that, from a machine's sleep perhaps, has no time for TERM.
  if (now >= kill_at()) {
    if (now < kill_again_at_) return {What::sleep, kill_again_at_};
    told_ = true;
    kill_again_at_ = after(now, kKillPause);
    return {What::kill, now};
  }
  if (!told_) {
    told_ = true;
    return {What::term, now};
  }
  return {What::sleep, by_lease_ ? kill_at() : std::min(kill_at(), term_at_)};
}

}  // namespace lockkeeper::cli::run
