// Whose time runs: leases, bounded holds, offers and places, each since this engine saw it as it is now.
//
// Time is the lease clock's: it advances at most a second a turn of the engine's loop, so that an engine that was
// stopped, or stuck on a slow store, ends nothing on waking (DESIGN: Time). Wall clocks have no part in it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "locks/command.h"
#include "locks/record.h"

namespace lockkeeper::engine {

struct Slot;

using LeaseTime = std::chrono::nanoseconds;  // since the engine began

class LeaseClock {
 public:
  static constexpr std::chrono::seconds kMost{1};

  explicit LeaseClock(std::chrono::steady_clock::time_point now) : last_(now) {}
  void turn(std::chrono::steady_clock::time_point now) {
    now_ += std::min<std::chrono::nanoseconds>(now - last_, kMost);
    last_ = now;
  }
  LeaseTime now() const { return now_; }

 private:
  std::chrono::steady_clock::time_point last_;
  LeaseTime now_{0};
};

// What of a lock may lapse. A claim may have two: its lease (or its grace, as an offer), and its max_hold.
struct TimerId {
  locks::RowKind kind = locks::RowKind::claim;
  bool max_hold = false;
  std::string row;  // RowId's id

  auto operator<=>(const TimerId&) const = default;
};

struct Timer {
  locks::Version mark = 0;  // Lapse's: the version that the time counts from
  std::chrono::milliseconds span{0};
  LeaseTime since{0};
  LeaseTime due{0};
  std::uint64_t number = 0;  // tells timers of the same moment apart
  bool expired = false;      // waits for its lock's turn
  std::uint64_t lease = 0;   // of a claim with a name: its number among the leases of that name
};

using Timers = std::map<TimerId, Timer>;

// All timers that run, by when they are due. The timers are the slots'.
class Watch {
 public:
  bool empty() const { return due_.empty(); }
  std::size_t size() const { return due_.size(); }
  LeaseTime next() const { return due_.begin()->due; }

  // It runs from here on; also one that runs already.
  void run(Slot& slot, Timer& timer, LeaseTime due);
  void stop(Timer& timer);

  // The slot whose timer is due; that one is expired from here on. nullptr: none is.
  Slot* expire(LeaseTime now);

 private:
  struct Due {
    LeaseTime due;
    std::uint64_t number;
    Slot* slot;
    Timer* timer;
    bool operator<(const Due& other) const { return due != other.due ? due < other.due : number < other.number; }
  };
  std::set<Due> due_;
  std::uint64_t numbers_ = 0;
};

}  // namespace lockkeeper::engine
