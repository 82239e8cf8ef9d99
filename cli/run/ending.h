// When a guarded command has to end: TERM, and KILL so long before the lease's end that it is dead by then. Pure:
// every time comes in. The guard goes by it, and the front, should it have to do the guard's work.
#pragma once

#include <chrono>

#include "client/boot_clock.h"

namespace lockkeeper::cli::run {

using Time = client::BootClock::time_point;
using std::chrono::milliseconds;

// Of a lease of that ttl: TERM comes grace + margin before its end, KILL margin before it. Together they are half
// of the ttl at most, so that there is time to renew it.
struct Spans {
  milliseconds grace;   // as wanted, a third of the ttl at most, and a day
  milliseconds margin;  // a tenth of the ttl, 500 ms at least, but a sixth of the ttl at most
};
Spans spans_of(milliseconds ttl, milliseconds grace);

class Ending {
 public:
  explicit Ending(milliseconds grace) : grace_(grace) {}

  // The lease is held: TERM at `term_at`. Once the end has begun for the lease's sake it is too late.
  void put_off(Time term_at);
  // Whatever the lease: TERM now, KILL after `grace`, or sooner if the lease wants it.
  void begin(Time now, milliseconds grace);

  enum class What {
    sleep,
    term,  // once
    kill   // again and again, until all is dead
  };
  struct Step {
    What what;
    Time until;  // of sleep
  };
  Step next(Time now);

  bool begun() const { return begun_; }
  bool by_lease() const { return by_lease_; }  // its end came near
  Time kill_at() const;

 private:
  const milliseconds grace_;
  Time term_at_ = Time::max();
  Time begun_kill_at_ = Time::max();
  Time kill_again_at_ = Time::min();
  bool begun_ = false;
  bool by_lease_ = false;
  bool told_ = false;  // TERM is sent
};

}  // namespace lockkeeper::cli::run
