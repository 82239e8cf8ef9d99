// Takes a lock: one intention from its first request until the lock is its own or it is given up, through lost
// answers, outages and restarts of the server. It waits in the lock's queue, by long polls.
//
//   Acquisition acquisition(client, order, &listener);
//   auto end = acquisition.run(interrupt);
//
// Blocking, for one thread. What may have been won without the caller's knowing is given back before run() returns
// or throws anything but a grant; where even that fails, the ttl and the waiter's grace end it. A claim of that
// name that stood before is never given back: whoever had it may be at work under it.
//
// Throws http::HttpError and ServerError (lock_client.h) for what does not pass by itself, or did not within
// `patience`; OriginalServer where the server knows neither claims nor a queue.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "client/boot_clock.h"
#include "client/lock_client.h"

namespace lockkeeper::client {

class OriginalServer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Acquisition {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds for_ever = milliseconds::max();

  struct Order {
    std::string lock;
    Identity identity;
    std::string claim;  // name; whoever comes under it anew takes claim or place over
    locks::Metadata metadata;
    std::optional<milliseconds> ttl;
    std::optional<milliseconds> wait;  // in the queue, at most; none: it does not queue
    // How long to go on without any answer: of one that does not wait, and of the first request of one that does.
    // Who has a place is patient until its `wait` is over.
    milliseconds patience = std::chrono::seconds(10);
  };

  // On the caller's thread, within run(). Each may be empty.
  struct Listener {
    std::function<void(const wire::DeniedView&)> queued;  // after each poll that ended without the lock
    std::function<void(const std::string&)> trouble;      // no answer, and why: once until there is one again
    std::function<void()> answered;                       // after trouble
  };

  struct Granted {
    wire::GrantedView view;       // with the intention's `request`: a withdrawal of that ends exactly this
    BootClock::time_point asked;  // before the request that was granted left: its lease counts from here
  };
  struct Held {  // by somebody else, or others wait before it; where it waited, that time is over
    wire::DeniedView denied;
  };
  struct Over {  // somebody ended it by the claim's name: released, withdrawn, taken over, forced, lapsed
    wire::DeniedView denied;
    std::string why;  // a sentence for people
  };
  struct Interrupted {};
  using End = std::variant<Granted, Held, Over, Interrupted>;

  // `client` and `listener`'s functions outlive it. It sets the client's interrupt and request time-out.
  Acquisition(LockClient& client, Order order, Listener listener);
  ~Acquisition();

  // Once. `interrupt` ends it within 50 ms and the time of giving back (two tries of 2.5 s); null: nothing does.
  End run(const http::Interrupt* interrupt);

  // After run() without a grant: the lock may be held under the claim's name all the same, since that stood before,
  // or could not be given back.
  bool may_stand() const;

  // After a grant that the caller cannot use: ends what this intention won. False: it did not, as of what stood
  // before.
  bool give_back();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::client
