#include "cli/lockctl/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace lockkeeper::cli::lockctl {
namespace {

// A handler has no arguments of its own, hence these.
std::atomic<http::Interrupt*> to_raise{nullptr};
std::atomic<int> came{0};
static_assert(std::atomic<http::Interrupt*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_end(int number) {
  int none = 0;
  if (!came.compare_exchange_strong(none, number)) {
    signal(number, SIG_DFL);
    raise(number);  // once this handler is left
    return;
  }
  if (http::Interrupt* interrupt = to_raise.load()) interrupt->raise();
}

void on_change(int) {}

void handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

void end_on_signals(http::Interrupt& interrupt) {
  to_raise = &interrupt;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) handle(number, on_end);
  handle(SIGWINCH, on_change);
  handle(SIGPIPE, SIG_IGN);
}

int signal_that_came() {
  return came;
}

}  // namespace lockkeeper::cli::lockctl
