#include "server/signals.h"

#include <csignal>
#include <initializer_list>

namespace lockkeeper::server {
namespace {

sigset_t held() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void hold_signals() {
  const sigset_t set = held();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Signal next_signal() {
  const sigset_t set = held();
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) == 0) return signal == SIGHUP ? Signal::reload : Signal::stop;
  }
}

}  // namespace lockkeeper::server
