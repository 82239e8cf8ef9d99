// Renews a lease until it is destroyed, and tells when it is lost: a margin before its time is over, or as soon as
// the server says so. Never releases.
//
// Threads: it runs one of its own, with a connection of its own. Its methods may be called from any
// thread; `lost` is called on its own thread, once at most, and never after the destructor has begun to return. The
// destructor ends a request under way and joins; it must not be called from `lost`.
//
// A holder that was frozen or suspended asks state() before it goes on: that looks at the clock, which went on
// meanwhile, not at what the thread has got round to. Between that look and a write it may freeze again: what must
// not go wrong compares fencing tokens (docs/fencing.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/lease_watch.h"
#include "client/lock_client.h"

namespace lockkeeper::client {

// What was granted.
struct Lease {
  std::string lock;
  std::string key;
  std::string claim;         // name; empty: unnamed
  locks::Version token = 0;  // a claim that has another one by now is lost
  std::optional<std::chrono::milliseconds> ttl, max_hold;
  BootClock::time_point asked;  // before the request that was granted left
};

Lease lease(const std::string& lock, const std::string& key, const wire::GrantedView& granted,
            BootClock::time_point asked);

class KeepAlive {
 public:
  using State = LeaseWatch::State;
  struct Options {
    std::optional<std::chrono::milliseconds> margin;  // as LeaseWatch::Terms::margin
    std::function<void(const std::string& why)> lost;
    // After each renewal, on the same thread: the time at which it is lost now, unless another one comes.
    std::function<void(BootClock::time_point lost_at)> renewed;
  };

  // Throws http::HttpError{bad_url, certificate}.
  KeepAlive(Settings settings, Lease lease, Options options);
  ~KeepAlive();

  State state();
  // Waits until the lease is held or lost; false: lost.
  bool sure();
  BootClock::time_point lost_at() const;  // unless a renewal comes before; max(): never
  std::string why() const;                // of a lost lease, a sentence; else what went wrong last, or empty

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::client
