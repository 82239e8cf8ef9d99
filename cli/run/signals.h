// The signals that lockctl run hands on, as long as it exists: blocked, and read one by one. What was ignored when
// the process began stays so, for the command too.
#pragma once

#include <signal.h>

#include <atomic>
#include <optional>
#include <thread>

#include "http/client.h"

namespace lockkeeper::cli::run {

class Signals {
 public:
  Signals();  // throws std::system_error
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  const sigset_t& before() const { return before_; }  // what was blocked when the process began
  // Those of job control, too; until then a job that waits for the lock stops as any other.
  void with_stops();
  int descriptor() const { return descriptor_; }
  std::optional<int> next();  // without waiting; nullopt: none
  // The next of those that ask for an end, without waiting; 0: none.
  int next_end() const;

 private:
  void block();

  sigset_t before_, set_;
  int descriptor_;
};

// While it exists, a signal that asks for an end raises its interrupt.
class EndBySignal {
 public:
  explicit EndBySignal(Signals& signals);
  ~EndBySignal();  // is over()

  const http::Interrupt& interrupt() const { return interrupt_; }
  // From now on signals are for who reads next. Returns the number of the one that came; 0: none.
  int over();

 private:
  void run(Signals& signals);

  http::Interrupt interrupt_, stop_;
  std::atomic<int> number_{0};
  std::thread thread_;
};

}  // namespace lockkeeper::cli::run
