#include "resource/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "resource/verb.h"

namespace lockkeeper::resource {
namespace {

// Concourse kills 10 s after SIGTERM; an orderly end takes 5 s at most (two tries to give the lock back).
constexpr unsigned kLastSeconds = 7;

// A handler has no arguments of its own, hence this one global.
std::atomic<http::Interrupt*> to_raise{nullptr};
static_assert(std::atomic<http::Interrupt*>::is_always_lock_free);

void on_end(int) {
  http::Interrupt* interrupt = to_raise.load();
  if (interrupt == nullptr || interrupt->raised()) return;
  interrupt->raise();
  alarm(kLastSeconds);
}

void on_alarm(int) {
  constexpr char kText[] = "error: ended by Concourse; the server gave no answer in time\n";
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(kEnded);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);  // without SA_RESTART: a read of stdin ends
}

}  // namespace

void end_on_signals(http::Interrupt& interrupt) {
  to_raise = &interrupt;
  handle(SIGTERM, on_end);
  handle(SIGINT, on_end);
  handle(SIGALRM, on_alarm);
  handle(SIGPIPE, SIG_IGN);
}

}  // namespace lockkeeper::resource
