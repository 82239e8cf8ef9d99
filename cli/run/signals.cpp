#include "cli/run/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace lockkeeper::cli::run {

namespace {

constexpr int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

bool ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool asks_for_an_end(int number) {
  return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

}  // namespace

Signals::Signals() : descriptor_(-1) {
  ::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can wait for a child
  sigemptyset(&set_);
  for (const int number : handed_on) {
    if (!ignored(number)) sigaddset(&set_, number);
  }
  sigaddset(&set_, SIGCHLD);
  pthread_sigmask(SIG_SETMASK, nullptr, &before_);
  block();
  // What cannot be told any more is no reason to end.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

Signals::~Signals() {
  close(descriptor_);
}

void Signals::block() {
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  descriptor_ = signalfd(descriptor_, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "no signals can be read");
}

void Signals::with_stops() {
  for (const int number : {SIGTSTP, SIGCONT}) {
    if (!ignored(number)) sigaddset(&set_, number);
  }
  block();
  // In the background it may still write to a terminal that is told to stop who does.
  sigset_t output;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output, nullptr);
}

std::optional<int> Signals::next() {
  signalfd_siginfo info;
  if (read(descriptor_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

int Signals::next_end() const {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : handed_on) {
    if (asks_for_an_end(number) && sigismember(&set_, number) == 1) sigaddset(&set, number);
  }
  const timespec at_once{};
  return std::max(sigtimedwait(&set, nullptr, &at_once), 0);
}

EndBySignal::EndBySignal(Signals& signals) : thread_([this, &signals] { run(signals); }) {}

EndBySignal::~EndBySignal() {
  over();
}

int EndBySignal::over() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
  return number_;
}

void EndBySignal::run(Signals& signals) {
  while (!stop_.raised()) {
    pollfd ready[2] = {{signals.descriptor(), POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}};
    poll(ready, 2, -1);
    if (stop_.raised()) return;  // what comes now is for who reads next
    const auto number = signals.next();
    if (!number || !asks_for_an_end(*number)) continue;
    number_ = *number;
    interrupt_.raise();
  }
}

}  // namespace lockkeeper::cli::run
