// lockctl run: a command that has a lock while it runs, and does not outlive its lease.
//
// For lockctl's dispatcher, which reads the options (those of `lock`, and --grace), and gives what comes after
// them, or after "--", as `words`:
//
//   lockctl run NAME [--ttl 30s] [--wait 10m] [--grace 10s] [--key K] [--claim C] [--as HOLDER] [--metadata K=V] --
//           COMMAND [ARGUMENT ...]
//
// The process has one thread when run() is called (it forks), has not asked a server yet, and no signal is handled,
// ignored or blocked that was not so when the process began: the command inherits that.
#pragma once

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "client/lock_client.h"

namespace lockkeeper::cli::run {

// Beside the command's own: its exit code, 128 + n where signal n ended it.
constexpr int exit_lost = 123;      // the lease was lost, and the command ended
constexpr int exit_not_held = 124;  // the lock is somebody else's, or the time to wait is over: nothing was started
constexpr int exit_failed = 125;    // lockctl itself failed, as with wrong options, or no server; or somebody ended
                                    // its claim while it waited: nothing was started
constexpr int exit_cannot_run = 126;  // the command is there and cannot be run
constexpr int exit_no_command = 127;  // no such command
// 128 + n: signal n came while it waited for the lock.

struct RunOrder {
  std::string lock;
  client::Identity identity;  // key empty: one of its own, which nobody shares
  std::string claim;          // empty: one of its own
  locks::Metadata metadata;
  std::chrono::milliseconds ttl = std::chrono::seconds(30);
  std::optional<std::chrono::milliseconds> wait;  // client::Acquisition::for_ever: without end; none: it does not
  // From TERM to KILL, both before the lease ends: a third of the ttl at most.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
  std::vector<std::string> words;  // the command and its arguments, not empty
};

// Returns the exit code. `err` is standard error: what people read goes there, lines that begin with "lockctl: ",
// and the progress of waiting, which takes NO_COLOR, TERM and COLUMNS from `environment`. Throws what
// client::Acquisition does (http::HttpError, client::ServerError, client::OriginalServer) where there is no lock
// and no command was started: lockctl says it as for its other commands, and ends with exit_failed.
int run(const RunOrder& order, const client::Settings& settings, const Environment& environment, std::ostream& err);

}  // namespace lockkeeper::cli::run
