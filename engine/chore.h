// When a kind of background work comes next. A pass may take several operations; the pause after it grows with
// what it took, so that passes over millions of rows cost a tenth of the store at most.
#pragma once

#include <algorithm>
#include <chrono>

namespace lockkeeper::engine {

class Chore {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPause{10};

  explicit Chore(Time now, Time::duration pause = kPause) : pause_(pause), due_(now + pause), began_(now) {}

  bool due(Time now) const { return !under_way_ && now >= due_; }
  Time due_at() const { return due_; }
  bool under_way() const { return under_way_; }
  bool begins_pass() const { return !within_pass_; }

  void begin(Time now) {
    if (!within_pass_) began_ = now;
    under_way_ = within_pass_ = true;
  }

  void at_once(Time now) { due_ = now; }
  // Wanted soon: after a pause that is as long as the last pass was.
  void hasten(Time now) {
    if (!within_pass_) due_ = std::min(due_, std::max(now, ended_ + took_));
  }
  void never() { due_ = Time::max(); }

  // One operation is back; `more`: the pass goes on.
  void done(Time now, bool more) {
    under_way_ = false;
    within_pass_ = more;
    if (more) {
      due_ = now;
      return;
    }
    ended_ = now;
    took_ = now - began_;
    due_ = now + std::max<Time::duration>(pause_, 10 * took_);
  }

 private:
  Time::duration pause_;
  Time due_;
  Time began_;
  Time ended_{};
  Time::duration took_{0};
  bool under_way_ = false;
  bool within_pass_ = false;
};

}  // namespace lockkeeper::engine
