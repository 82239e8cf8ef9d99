// The command as a job of the shell that started lockctl: signals and the terminal are handed on to it, and where
// it stops, lockctl's own job stops.
#pragma once

#include <functional>
#include <optional>

#include "cli/run/controlling_terminal.h"
#include "cli/run/guarded_command.h"
#include "cli/run/signals.h"
#include "http/client.h"

namespace lockkeeper::cli::run {

class Job {
 public:
  // `command` is started, `signals` are with_stops().
  Job(GuardedCommand& command, Signals& signals, const ControllingTerminal& terminal);

  // Until nothing of it is left. `on_loss`: once, if the lease is lost before it has ended; `lost` is raised when
  // the reason is known.
  void wait(const http::Interrupt& lost, const std::function<void()>& on_loss);

  std::optional<int> fault() const { return fault_; }  // it could not be started: errno
  int status() const { return status_.value_or(0); }   // as waitpid's
  bool lost() const { return lost_; }                  // before it ended

 private:
  void lose();
  void tell_loss();
  void hand_on(int number);
  void hear(const GuardedCommand::News& news);
  void stopped(int number);
  void stop();
  void go_on();

  GuardedCommand& command_;
  Signals& signals_;
  const ControllingTerminal& terminal_;
  std::function<void()> on_loss_;
  std::optional<int> fault_, status_;
  bool lost_ = false, told_ = false, over_ = false, stop_handed_on_ = false;
};

}  // namespace lockkeeper::cli::run
