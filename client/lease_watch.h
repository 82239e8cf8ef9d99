// When a lease has to be renewed, and when it must be taken for lost. Pure: every time comes in, so that a test
// owns them; all are of one clock that goes on while the machine sleeps (boot_clock.h). Not thread-safe.
//
// A lease counts from before the request that brought it left: the server began to count later than that, so what
// is lost here may still stand there, and never the other way round.
#pragma once

#include <chrono>
#include <optional>

#include "client/boot_clock.h"

namespace lockkeeper::client {

class LeaseWatch {
 public:
  using Time = BootClock::time_point;
  using milliseconds = std::chrono::milliseconds;

  struct Terms {
    std::optional<milliseconds> ttl;       // none: nothing to renew
    std::optional<milliseconds> max_hold;  // bounds the hold, whatever is renewed
    std::optional<milliseconds> margin;    // how long before its end a lease is lost; none: a tenth of the ttl, 500
                                           // ms at least. Half of the ttl at most
  };

  enum class State {
    unsure,  // granted at the end of a poll that took as long as the ttl or longer: the first renewal tells
    held,
    lost  // for good
  };

  // `asked`: before the request that was granted left. `now`: after its answer.
  LeaseWatch(const Terms& terms, Time asked, Time now);

  // Looks at the clock before anything else: after a freeze, a lease whose time went by is lost, whatever a renewal
  // would say.
  State state(Time now);

  enum class What { sleep, renew, lost };
  struct Step {
    What what;
    Time until;  // of sleep: when to ask again, unless something happens before
  };
  Step next(Time now);

  // A renewal that left at `asked` has come back with these terms.
  void renewed(Time asked, Time now, std::optional<milliseconds> ttl);
  // A renewal has failed: the next try comes within what remains. `random`: in [0, 1).
  void failed(Time now, double random, std::optional<std::chrono::seconds> retry_after);
  // The server says that the claim is not there any more.
  void gone() { lost_ = true; }

  Time lost_at() const;  // unless a renewal comes before

 private:
  void count_from(Time asked, Time latest);
  milliseconds margin() const;

  Terms terms_;
  Time hold_ends_;
  Time lease_ends_;
  Time renew_at_;
  bool unsure_ = false;
  bool lost_ = false;
};

}  // namespace lockkeeper::client
