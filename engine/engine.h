// Turns commands into commits. One thread (run(), or a test that calls step()) owns all state: no locking in
// the domain. It drains what was submitted and what the store completed, decides, begins the changes at the
// store, and lets an outcome out only after the commit it depends on.
//
// One change a lock is in flight at most; commands that come meanwhile wait in that lock's line and are decided
// together, in order, when it is back. A commit of which the store does not know whether it was written is begun
// again until that is known. What takes longer than `deadline` is unknown to its callers (Unavailable{unknown}),
// and the lock is read again before it is decided on; if that is because the store gives no answer at all, new
// commands fail fast until it does.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/call.h"
#include "engine/clock.h"
#include "engine/measure.h"
#include "engine/store.h"
#include "locks/limits.h"
#include "locks/record.h"
#include "locks/terms.h"

namespace lockkeeper::engine {

// A hold that stands longer than its lock's warn_after: told once a claim.
struct StandingHold {
  std::string lock;
  locks::Hold hold;
  std::chrono::milliseconds stood{0};
};

struct Settings {
  locks::Limits limits;
  std::chrono::milliseconds deadline = std::chrono::seconds(2);
  std::size_t cached_locks = 200'000;  // records kept in memory; others are read when asked for
  std::size_t in_flight = 65'536;      // commands; more are refused with Unavailable
  std::uint64_t history_per_lock = 1000;
  std::chrono::milliseconds history_for = std::chrono::hours(24 * 30);
  std::chrono::milliseconds free_for = std::chrono::hours(24 * 30);  // then a free lock is pruned; 1 h at least
  locks::Terms terms;
  std::vector<locks::TermsOf> terms_by_name;
  std::chrono::milliseconds longest_wait = std::chrono::minutes(10);  // a poll that asks for more is answered then
  std::size_t waiting = 65'536;  // polls open at one time; more are answered at once, with their place
  // Over a store that others change too: how often it is looked at for leases and places to watch, and, while a
  // poll is open, for what other servers did.
  std::chrono::milliseconds look_again = std::chrono::seconds(1);
  std::string change_prefix;                               // makes change ids unique among servers and starts
  std::function<void(const StandingHold&)> standing_long;  // on the engine's thread; must not block
};

// Plain counters, readable from any thread.
struct Counters {
  std::uint64_t commands = 0;
  std::uint64_t commits = 0;  // changes committed
  std::uint64_t conflicts = 0;
  std::uint64_t failures = 0;  // failed or unknown operations
  std::uint64_t cached = 0;
  std::uint64_t in_flight = 0;  // open polls are not
  std::uint64_t waiting = 0;    // open polls
  std::uint64_t watched = 0;    // leases, bounded holds, places and offers whose time runs
  std::uint64_t lapses = 0;     // leases, holds, places and offers that this server ended
  std::uint64_t standing = 0;   // holds that stood longer than warn_after when last looked at
  std::uint64_t waiters = 0;    // places in queues, with or without an open poll
  std::uint64_t released_gates = 0;
  // Locks somebody holds; none: not all of them were counted yet. Over a store that others change too: when last
  // counted.
  std::optional<std::uint64_t> held;
  std::array<std::uint64_t, locks::what_count> events{};  // committed by this server, by locks::What
  Distribution waited;                                    // seconds in the queue of what was granted from it
  Distribution held_for;                                  // seconds of holds that ended
  Distribution batch;                                     // changes that came back from the store together
  Distribution commit;                                    // seconds from a change's beginning to its commit
};

class Engine {
 public:
  // The store is open()ed in here. Both outlive the engine.
  Engine(Store& store, Clock& clock, Settings settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Any thread. The answer comes through call.mailbox, also when the engine is stopping.
  //
  // An Acquire with `wait` that has to queue is a poll: its answer comes when the lock is granted, the intention is
  // over, the time is over (Queued), or a later poll of the same intention takes its place (Queued). Polls are no
  // longer in flight once their place is committed.
  void submit(Call& call) noexcept;

  // One turn of the loop, for tests and for run(). Returns whether anything was done.
  bool step();
  // How long nothing is to be done, after a step that did nothing, unless something is submitted or completed.
  std::chrono::nanoseconds nap() const;

  // Steps and sleeps until stop() was called and everything under way is answered, then closes the store.
  void run();
  void stop() noexcept;  // any thread

  Counters counters() const;  // any thread
  // Any thread: the store answers, nothing is stuck, and all that an earlier run left, or other servers made, is
  // watched.
  bool ready() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lockkeeper::engine
