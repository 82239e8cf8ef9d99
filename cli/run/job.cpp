#include "cli/run/job.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/messages.h"
#include "cli/run/processes.h"

namespace lockkeeper::cli::run {

using client::BootClock;

// The guard may be the first to say that a lease is lost; who renews knows why, as soon as its request is given up.
constexpr milliseconds kForTheReason{200};

Job::Job(GuardedCommand& command, Signals& signals, const ControllingTerminal& terminal)
    : command_(command), signals_(signals), terminal_(terminal) {}

void Job::wait(const http::Interrupt& lost, const std::function<void()>& on_loss) {
  Alarm alarm;
  on_loss_ = on_loss;
  for (;;) {
    while (const auto news = command_.next(BootClock::now())) hear(*news);
    if (lost.raised() || command_.lost()) lose();
    if (lost_ && lost.raised()) tell_loss();
    while (command_.group()) {
      const auto number = signals_.next();
      if (!number) break;
      hand_on(*number);
    }
    if (over_) break;
    alarm.set(command_.wake_at());
    const bool can_be_told = command_.group().has_value();
    pollfd ready[4] = {{can_be_told ? signals_.descriptor() : -1, POLLIN, 0},
                       {command_.descriptor(), POLLIN, 0},
                       {alarm.descriptor(), POLLIN, 0},
                       {told_ || status_ ? -1 : lost.descriptor(), POLLIN, 0}};
    poll(ready, 4, -1);
  }
  if (command_.group()) terminal_.take_from(*command_.group());
  if (lost_) {
    lost.sleep(kForTheReason);
    tell_loss();
  }
  if (status_ && WIFSIGNALED(*status_)) terminal_.restore();
}

void Job::hear(const GuardedCommand::News& news) {
  using What = GuardedCommand::News::What;
  switch (news.what) {
    case What::started:
      leave_streams();
      break;
    case What::cannot_start:
      if (command_.lost()) lose();
      fault_ = news.number;
      over_ = true;
      break;
    case What::stopped:
      stopped(news.number);
      break;
    case What::exited:
      if (command_.lost()) lose();
      status_ = news.number;
      break;
    case What::over:
      over_ = true;
      break;
  }
}

// Who has ended needs the lock no more.
void Job::lose() {
  if (lost_ || status_ || fault_) return;
  lost_ = true;
}

void Job::tell_loss() {
  if (told_) return;
  told_ = true;
  on_loss_();
}

void Job::hand_on(int number) {
  if (number == SIGCHLD) return;  // the guard's
  if (number == SIGCONT) return go_on();
  if (number == SIGTSTP) stop_handed_on_ = true;
  command_.signal(number);
}

void Job::stopped(int number) {
  const bool wants_terminal = number == SIGTTIN || number == SIGTTOU;
  if (wants_terminal && terminal_.ours()) return go_on();
  // A command that somebody stopped where there is no terminal is nobody's job.
  if (terminal_.descriptor() < 0 && !stop_handed_on_) return;
  stop_handed_on_ = false;
  if (command_.group()) terminal_.take_from(*command_.group());
  stop();
  go_on();
}

// As Ctrl-Z would have: with all of this job, which may be a script. Nothing happens where nobody could resume it.
void Job::stop() {
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  kill(terminal_.descriptor() < 0 ? getpid() : 0, SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &stop, &before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Job::go_on() {
  if (command_.group()) terminal_.give(*command_.group());
  command_.signal(SIGCONT);
}

}  // namespace lockkeeper::cli::run
