#include "cli/run/controlling_terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace lockkeeper::cli::run {

namespace {

// Who is in the background may set the terminal only with SIGTTOU blocked.
class FromBackground {
 public:
  FromBackground() {
    sigset_t output;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &output, &before_);
  }
  ~FromBackground() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  FromBackground(const FromBackground&) = delete;
  FromBackground& operator=(const FromBackground&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

ControllingTerminal::ControllingTerminal() : descriptor_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
  termios modes;
  if (ours() && tcgetattr(descriptor_, &modes) == 0) modes_ = modes;
}

ControllingTerminal::~ControllingTerminal() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool ControllingTerminal::ours() const {
  return descriptor_ >= 0 && tcgetpgrp(descriptor_) == getpgrp();
}

void ControllingTerminal::give(pid_t group) const {
  if (!ours()) return;
  const FromBackground background;
  tcsetpgrp(descriptor_, group);
}

void ControllingTerminal::take_from(pid_t group) const {
  if (descriptor_ < 0 || tcgetpgrp(descriptor_) != group) return;
  const FromBackground background;
  tcsetpgrp(descriptor_, getpgrp());
}

void ControllingTerminal::restore() const {
  if (!modes_ || !ours()) return;
  tcsetattr(descriptor_, TCSANOW, &*modes_);
}

}  // namespace lockkeeper::cli::run
