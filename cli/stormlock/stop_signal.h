// A signal that comes while a lock is being taken must not leave it behind: it is heard, and acted upon when what
// was taken is known. The second one ends the process at once, and so does the time when nothing comes back.
#pragma once

namespace lockkeeper::cli::stormlock {

class Backend;

// Of SIGINT, SIGTERM and SIGHUP, where they were not ignored. One at a time.
class StopSignal {
 public:
  explicit StopSignal(Backend& backend);  // whose interrupt() is called
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int heard() const;  // 0: none
};

// Ends the process by that signal, as if it had never been handled.
[[noreturn]] void end_by(int signal);

}  // namespace lockkeeper::cli::stormlock
