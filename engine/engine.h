// Turns commands into commits. One thread (run(), or a test that calls step()) owns all state: no locking in
// the domain. It drains what was submitted and what the store completed, decides, begins the changes at the
// store, and lets an outcome out only after the commit it depends on.
//
// One change a lock is in flight at most; commands that come meanwhile wait in that lock's line and are decided
// together, in order, when it is back. A commit that takes longer than `deadline` makes its outcome unknown:
// its callers get Unavailable{unknown}, new commands fail fast until the store answers again, and the lock is
// read again before it is decided on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/call.h"
#include "engine/clock.h"
#include "engine/store.h"
#include "locks/limits.h"

namespace lockkeeper::engine {

struct Settings {
  locks::Limits limits;
  std::chrono::milliseconds deadline = std::chrono::seconds(2);
  std::size_t cached_locks = 200'000;  // records kept in memory; others are read when asked for
  std::size_t in_flight = 65'536;      // commands; more are refused with Unavailable
  std::uint64_t history_per_lock = 1000;
  std::chrono::milliseconds history_for = std::chrono::hours(24 * 30);
  std::chrono::milliseconds free_for = std::chrono::hours(24 * 30);  // then a free lock is pruned; 1 h at least
  std::string change_prefix;  // makes change ids unique among servers and starts
};

// Plain counters, readable from any thread.
struct Counters {
  std::uint64_t commands = 0;
  std::uint64_t commits = 0;  // changes committed
  std::uint64_t conflicts = 0;
  std::uint64_t failures = 0;  // failed or unknown operations
  std::uint64_t cached = 0;
  std::uint64_t in_flight = 0;
};

class Engine {
 public:
  // The store is open()ed in here. Both outlive the engine.
  Engine(Store& store, Clock& clock, Settings settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Any thread. The answer comes through call.mailbox, also when the engine is stopping.
  void submit(Call& call) noexcept;

  // One turn of the loop, for tests and for run(). Returns whether anything was done.
  bool step();

  // Steps and sleeps until stop() was called and everything under way is answered, then closes the store.
  void run();
  void stop() noexcept;  // any thread

  Counters counters() const noexcept;  // any thread
  bool ready() const noexcept;         // any thread: the store answers and nothing is stuck

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lockkeeper::engine
