// A command that does not outlive its lease: it runs in a process group of its own, and a guard process (guard.h)
// ends it when the lease's end comes near and nobody has put that off, with no network and no help from this
// process, which may be stopped or dead by then. If the guard is dead, this process ends the command at once; if
// the guard stands still, it is woken at that time, and in the end killed.
//
// The constructor forks: the process has one thread, and its signals are blocked. Afterwards put_off() may be
// called from any thread, the others from one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/run/ending.h"
#include "cli/run/guard.h"

namespace lockkeeper::cli::run {

class GuardedCommand {
 public:
  // Throws std::system_error.
  explicit GuardedCommand(GuardOrder order);
  ~GuardedCommand();  // finish()es

  struct Start {
    std::vector<std::pair<std::string, std::string>> environment;  // added to this process's
    std::string note;                                              // for GuardOrder::bereaved
    Spans spans;
    Time term_at;  // unless put off
  };
  // Once. News tell whether it works.
  void start(const Start& start);
  void put_off(Time term_at) noexcept;
  // Ends it and what descends from it: TERM at once, KILL after `grace` or sooner.
  void end_now(milliseconds grace);
  void finish();                  // ends it if it still runs, and waits for that
  void signal(int number) const;  // to the group
  std::optional<pid_t> group() const;

  // Something happens when descriptor() is readable, after SIGCHLD, and at wake_at(): then call next() until it
  // says nothing.
  int descriptor() const;
  Time wake_at() const;
  struct News {
    enum class What { started, cannot_start, stopped, exited, over } what;
    int number = 0;  // of cannot_start: errno; stopped: the signal; exited: the status, as waitpid's
  };
  std::optional<News> next(Time now);
  bool lost() const;       // it was ended since the lease's end came near
  bool unguarded() const;  // it was ended since its guard had died

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::cli::run
