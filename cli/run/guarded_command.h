// A command that does not outlive its lease: it runs in a process group of its own, and a guard process ends the
// whole group when the lease's end comes near and nobody has put it off, with no network and no help from this
// process, which may be stopped or dead by then.
//
// For a program of one thread when start() is called; afterwards state() and put_off() may be called from any
// thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/boot_clock.h"

namespace lockkeeper::cli {

class GuardedCommand {
 public:
  struct Order {
    std::vector<std::string> words;                                // looked up in PATH
    std::vector<std::pair<std::string, std::string>> environment;  // added to this process's
    client::BootClock::time_point end;                           // the whole group is dead by then, unless put off
    std::chrono::milliseconds grace = std::chrono::seconds(10);  // between TERM and KILL, both before `end`
  };

  // Throws std::system_error, with ENOENT or EACCES for a command that cannot be started.
  static std::unique_ptr<GuardedCommand> start(const Order& order);
  virtual ~GuardedCommand() = default;  // ends the group, if it still runs

  virtual void put_off(client::BootClock::time_point end) = 0;
  virtual void signal(int number) = 0;  // to the group
  // Readable when there is something to wait() for; for poll().
  virtual int descriptor() const = 0;

  struct End {
    int status = 0;      // as waitpid's
    bool ended = false;  // by the guard, since the lease's end came near
  };
  // nullopt: it still runs.
  virtual std::optional<End> wait() = 0;
};

}  // namespace lockkeeper::cli
