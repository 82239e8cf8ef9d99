// Asking a server until it answers: which failures pass, pauses between tries, bounds, and what the log hears.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "client/failure.h"
#include "client/retry.h"
#include "resource/build_log.h"
#include "resource/ends.h"
#include "resource/world.h"

namespace lockkeeper::resource {

class Patience {
 public:
  struct Bound {
    std::optional<std::chrono::milliseconds> total;  // none: until Concourse ends the step
    bool once = false;                               // never tries again
  };

  // `request_timeout`: of one request. The time counts from here.
  Patience(World& world, BuildLog& log, std::chrono::milliseconds request_timeout, Bound bound);

  // What `ask_once(timeout)` returns, as soon as it does. `whom`: the server's URL, for the log.
  // Throws StepFailed: a failure that does not pass, or the bound is reached; StepEnded.
  template <class Ask>
  auto ask(const std::string& whom, Ask ask_once) {
    for (;;) {
      if (world_.interrupted()) throw StepEnded();
      try {
        auto answer = ask_once(request_timeout());
        answered(whom);
        return answer;
      } catch (...) {
        failed(client::current_failure());
      }
    }
  }

  // A pause before the next try; false: the bound is reached, without one. While it lasts, `state` is said to
  // the log now and then (Reminder). Throws StepEnded.
  bool pause(std::optional<std::chrono::seconds> retry_after, const std::function<std::string()>& state);

  // Says `state` to the log if it is time to (Reminder): for who waits otherwise than by pauses.
  void remind(const std::function<std::string()>& state);
  // The server kept its answer back for as long as it was asked to: the next pause is a short one again.
  void rested() { backoff_.reset(); }

  std::chrono::milliseconds waited() const;
  std::optional<std::chrono::milliseconds> left() const;                // none: no bound
  bool over() const { return left() == std::chrono::milliseconds(0); }  // the bound is reached
  std::string gave_up() const;                                          // "gave up after 30s"

 private:
  std::chrono::milliseconds request_timeout() const;
  void answered(const std::string& whom);
  void failed(const client::Failure& failure);

  World& world_;
  BuildLog& log_;
  std::chrono::milliseconds request_timeout_;
  Bound bound_;
  std::chrono::steady_clock::time_point begin_;
  Reminder reminder_;
  client::Backoff backoff_;
  std::optional<int> failing_;  // the sort of the last failure, until an answer comes
};

}  // namespace lockkeeper::resource
