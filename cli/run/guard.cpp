#include "cli/run/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <system_error>

#include "cli/run/processes.h"
#include "cli/run/watch.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::run {
namespace {

using client::BootClock;

int child_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  const int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "no signals for the guard");
  return descriptor;
}

class Guard {
 public:
  Guard(const GuardOrder& order, pid_t front, int socket, const Shared& shared)
      : order_(order), front_(front), socket_(socket), shared_(shared), signals_(child_signals()) {}

  void run() {
    while (!done_) {
      pollfd ready[4] = {
          {socket_, POLLIN, 0}, {signals_, POLLIN, 0}, {alarm_.descriptor(), POLLIN, 0}, {exec_, POLLIN, 0}};
      if (bereaved_) ready[0].fd = -1;
      poll(ready, 4, -1);
      // First of all: a machine that wakes from its sleep may be past the lease.
      step();
      if (ready[3].revents != 0) look_at_start();
      if (ready[0].revents != 0) listen();
    }
  }

 private:
  void listen() {
    Message message;
    std::string text;
    switch (receive(socket_, message, &text)) {
      case Received::nothing:
        return;
      case Received::end:
        return front_died();
      case Received::message:
        break;
    }
    if (message.kind == Message::Kind::start) start(milliseconds(message.number), text);
    if (message.kind == Message::Kind::end_now && watch_)
      watch_->begin(BootClock::now(), milliseconds(message.number));
    step();
  }

  void front_died() {
    bereaved_ = true;
    if (!watch_ || over_) return end();
    std::cerr << "lockctl: it was killed: '" << harmless(order_.words.front()) << "' is ended" << std::endl;
    watch_->begin(BootClock::now(), grace_);
    step();
  }

  void start(milliseconds grace, const std::string& text) {
    grace_ = grace;
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\0', begin), text.size());
      parts.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    if (!parts.empty()) note_ = parts.front();
    // One of the two has stood still since the lease was granted.
    if (BootClock::now() >= term_at()) {
      send(socket_, {Message::Kind::lost});
      return cannot_start(ETIME);
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return cannot_start(errno);
    const pid_t guard = getpid();
    const pid_t command = fork();
    if (command == 0) become_command(parts, guard, ends[1]);
    const int fault = errno;
    close(ends[1]);
    if (command < 0) {
      close(ends[0]);
      return cannot_start(fault);
    }
    exec_ = ends[0];
    setpgid(command, command);
    command_ = command;
    watch_.emplace(command, grace);
  }

  [[noreturn]] void become_command(const std::vector<std::string>& parts, pid_t guard, int report) const {
    setpgid(0, 0);
    if (order_.terminal >= 0 && tcgetpgrp(order_.terminal) == front_) tcsetpgrp(order_.terminal, getpid());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard) _exit(1);
    for (std::size_t at = 1; at < parts.size(); ++at) {
      const auto equals = parts[at].find('=');
      setenv(parts[at].substr(0, equals).c_str(), parts[at].substr(equals + 1).c_str(), 1);
    }
    std::vector<char*> arguments;
    for (const std::string& word : order_.words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &order_.signals, nullptr);
    execvp(arguments.front(), arguments.data());
    const int fault = errno;
    [[maybe_unused]] const ssize_t ignored = write(report, &fault, sizeof fault);
    _exit(127);
  }

  // The end of `exec_` without a word: it runs.
  void look_at_start() {
    int fault = 0;
    const ssize_t length = read(exec_, &fault, sizeof fault);
    close(exec_);
    exec_ = -1;
    if (length == static_cast<ssize_t>(sizeof fault)) return cannot_start(fault);
    send(socket_, {Message::Kind::started, command_});
    started_ = true;
    leave_streams();
    step();
  }

  void cannot_start(int fault) {
    send(socket_, {Message::Kind::cannot_start, fault});
    watch_.reset();
  }

  Time term_at() const { return Time(BootClock::duration(shared_.term_at.load())); }

  void step() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof info) > 0) {
    }
    if (!watch_ || over_) return;
    watch_->put_off(term_at());
    const Watch::News news = watch_->step(BootClock::now());
    alarm_.set(watch_->until());
    if (!started_) return;
    if (news.stopped) send(socket_, {Message::Kind::stopped, *news.stopped});
    if (watch_->lost() && !told_lost_) {
      told_lost_ = true;
      send(socket_, {Message::Kind::lost});
    }
    if (watch_->status() && !told_status_) {
      told_status_ = true;
      send(socket_, {Message::Kind::exited, *watch_->status()});
    }
    if (!news.over) return;
    over_ = true;
    alarm_.set(Time::max());
    send(socket_, {Message::Kind::over});
    if (bereaved_) end();
  }

  void end() {
    done_ = true;
    try {
      order_.bereaved(note_);
    } catch (const std::exception& error) {
      std::cerr << "lockctl: " << harmless(error.what()) << std::endl;
    }
  }

  const GuardOrder& order_;
  const pid_t front_;
  const int socket_;
  const Shared& shared_;
  const int signals_;
  Alarm alarm_;
  int exec_ = -1;
  pid_t command_ = 0;
  milliseconds grace_{0};
  std::string note_;
  std::optional<Watch> watch_;
  bool started_ = false, told_lost_ = false, told_status_ = false, over_ = false, bereaved_ = false, done_ = false;
};

}  // namespace

void run_guard(const GuardOrder& order, pid_t front, int socket, const Shared& shared) {
  try {
    setpgid(0, 0);
    prctl(PR_SET_NAME, "lockctl-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    Guard(order, front, socket, shared).run();
    _exit(0);
  } catch (const std::exception& error) {
    std::cerr << "lockctl: " << harmless(error.what()) << std::endl;
    _exit(1);
  }
}

}  // namespace lockkeeper::cli::run
