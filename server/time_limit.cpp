#include "server/time_limit.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace lockkeeper::server {
namespace {

// For the signal's handler.
std::atomic<int> exit_code = 1;
static_assert(std::atomic<int>::is_always_lock_free);

// On whatever thread; all it calls may be called from a handler (signal-safety(7)).
void out_of_time(int /*signal*/) {
  constexpr char text[] = "lockkeeper: could not stop in time\n";
  pollfd log{STDERR_FILENO, POLLOUT, 0};
  const bool room = poll(&log, 1, 0) == 1 && (log.revents & POLLOUT) != 0;
  if (exit_code != 0 && room && write(STDERR_FILENO, text, sizeof text - 1) < 0) exit_code = 1;
  // As _exit() does; under a sanitizer that would flush stderr first, which may be what hangs.
  syscall(SYS_exit_group, exit_code.load());
}

}  // namespace

void end_within(std::chrono::milliseconds limit, int code) {
  struct sigaction action = {};
  action.sa_handler = out_of_time;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t alone;
  sigemptyset(&alone);
  sigaddset(&alone, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alone, nullptr);  // whoever started the process may have blocked it

  exit_code = code;
  const auto seconds = static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(limit).count());
  const unsigned sooner = alarm(seconds);
  if (sooner != 0 && sooner < seconds) alarm(sooner);
}

void end_at_leisure() {
  alarm(0);
}

}  // namespace lockkeeper::server
