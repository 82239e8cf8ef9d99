#include "cli/stormlock/stop_signal.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {
namespace {

constexpr std::array stops = {SIGINT, SIGTERM, SIGHUP};
constexpr unsigned patience_s = 6;  // a little more than backends have for giving back

std::atomic<Backend*> interrupted = nullptr;
std::atomic<int> first = 0;

void set(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // a backend that cannot wait notices nothing
  sigaction(signal, &action, nullptr);
}

void end_now(int) {
  end_by(first.load());
}

void hear(int signal) {
  int none = 0;
  if (!first.compare_exchange_strong(none, signal)) end_by(signal);
  set(SIGALRM, end_now);
  alarm(patience_s);
  if (Backend* const backend = interrupted.load()) backend->interrupt();
}

bool ignored(int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

StopSignal::StopSignal(Backend& backend) {
  first = 0;
  interrupted = &backend;
  for (const int signal : stops) {
    if (!ignored(signal)) set(signal, hear);
  }
}

StopSignal::~StopSignal() {
  for (const int signal : stops) {
    if (!ignored(signal)) set(signal, SIG_DFL);
  }
  alarm(0);
  interrupted = nullptr;
}

int StopSignal::heard() const {
  return first.load();
}

void end_by(int signal) {
  set(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  _exit(128 + signal);
}

}  // namespace lockkeeper::cli::stormlock
