#include "agent/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "agent/shown_text.h"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say that it is C
}

namespace lockkeeper::agent {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr unsigned most_complaints = 100;
constexpr std::size_t most_complaint_bytes = 2000;

[[noreturn]] void fail(int number, const char* what) {
  throw std::system_error(number, std::generic_category(), what);
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { shut(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  void take(int number) {
    shut();
    number_ = number;
  }
  void shut() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail(errno, "no pipe");
    read.take(ends[0]);
    write.take(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  Descriptor read, write;
};

// What the child starts with: /dev/null, the two pipes and no other descriptor; a process group of its own; signals
// as a program expects them, whatever the agent blocks and ignores.
class SpawnOrder {
 public:
  SpawnOrder(const Pipe& output, const Pipe& complaints) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output.write.number(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, complaints.write.number(), STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnOrder() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnOrder(const SpawnOrder&) = delete;
  SpawnOrder& operator=(const SpawnOrder&) = delete;

  pid_t start(const ChildOrder& order) const {
    std::vector<char*> arguments{const_cast<char*>(order.program.c_str())};
    for (const std::string& each : order.arguments) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> environment;
    for (const std::string& each : order.environment) environment.push_back(const_cast<char*>(each.c_str()));
    environment.push_back(nullptr);
    pid_t process = -1;
    const int fault =
        posix_spawn(&process, order.program.c_str(), &actions_, &attributes_, arguments.data(), environment.data());
    if (fault != 0) fail(fault, "it cannot be started");
    return process;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// The process and, while it is not reaped, its group.
class Child {
 public:
  explicit Child(pid_t process) : process_(process), ended_(pidfd_open(process, 0)) {
    if (ended_.number() < 0) {
      const int fault = errno;
      kill_group();
      reap();
      fail(fault, "it cannot be watched");
    }
  }
  ~Child() {
    if (reaped_) return;
    kill_group();
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int ended() const { return ended_.number(); }  // readable then
  void kill_group() const { kill(-process_, SIGKILL); }
  int reap() {
    int status = 0;
    pid_t got = 0;
    while ((got = waitpid(process_, &status, 0)) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return got == process_ ? status : W_EXITCODE(127, 0);  // somebody ignores SIGCHLD: nobody knows how it ended
  }

 private:
  pid_t process_;
  Descriptor ended_;
  bool reaped_ = false;
};

// Cuts stderr into lines.
class Complaints {
 public:
  explicit Complaints(const ChildOrder& order) : order_(order) {}
  void add(const char* bytes, std::size_t count) {
    for (const char* at = bytes; at != bytes + count; ++at) {
      if (*at == '\n') {
        say();
      } else if (line_.size() <= most_complaint_bytes) {
        line_ += *at;
      }
    }
  }
  void say() {
    if (!line_.empty() && order_.complaint && ++said_ <= most_complaints) {
      order_.complaint(shown_text(line_, most_complaint_bytes));
    }
    line_.clear();
  }

 private:
  const ChildOrder& order_;
  std::string line_;
  unsigned said_ = 0;
};

class Run {
 public:
  Run(const ChildOrder& order, const http::Interrupt* interrupt)
      : order_(order), interrupt_(interrupt), complaints_(order) {}

  ChildEnd finish() {
    const auto deadline = steady_clock::now() + order_.limit;
    Child child(SpawnOrder(output_pipe_, complaint_pipe_).start(order_));
    output_pipe_.write.shut();
    complaint_pipe_.write.shut();
    ChildEnd end;
    end.how = watch(child, deadline, end.output);
    if (end.how != ChildEnd::How::exited) return end;  // the child's end is its group's
    const int status = child.reap();
    drain(end.output);
    complaints_.say();
    if (end.output.size() > order_.most_output) end.how = ChildEnd::How::wrote_too_much;
    if (WIFSIGNALED(status)) end.how = ChildEnd::How::signalled;
    end.number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return end;
  }

 private:
  // Until the process has ended: who holds on to its pipes after that is not waited for.
  ChildEnd::How watch(const Child& child, steady_clock::time_point deadline, std::string& output) {
    for (;;) {
      if (interrupt_ && interrupt_->raised()) return ChildEnd::How::interrupted;
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
      if (left <= 0) return ChildEnd::How::took_too_long;
      pollfd all[4] = {{child.ended(), POLLIN, 0},
                       {output_pipe_.read.number(), POLLIN, 0},
                       {complaint_pipe_.read.number(), POLLIN, 0},
                       {interrupt_ ? interrupt_->descriptor() : -1, POLLIN, 0}};
      poll(all, 4, static_cast<int>(std::min<long>(left, 60'000)));
      drain(output);
      if (output.size() > order_.most_output) return ChildEnd::How::wrote_too_much;
      if (all[0].revents != 0) return ChildEnd::How::exited;
    }
  }

  void drain(std::string& output) {
    char bytes[4096];
    // Not for ever: a child may write faster than this reads.
    for (int turn = 0; turn < 64 && output.size() <= order_.most_output; ++turn) {
      const ssize_t count = read_some(output_pipe_.read, bytes, sizeof bytes);
      if (count <= 0) break;
      output.append(bytes, static_cast<std::size_t>(count));
    }
    for (int turn = 0; turn < 64; ++turn) {
      const ssize_t count = read_some(complaint_pipe_.read, bytes, sizeof bytes);
      if (count <= 0) break;
      complaints_.add(bytes, static_cast<std::size_t>(count));
    }
  }

  static ssize_t read_some(Descriptor& from, char* bytes, std::size_t most) {
    if (from.number() < 0) return 0;
    ssize_t count = 0;
    while ((count = read(from.number(), bytes, most)) < 0 && errno == EINTR) {
    }
    if (count == 0) from.shut();  // nobody writes any more: poll() would say so again and again
    return count;
  }

  const ChildOrder& order_;
  const http::Interrupt* interrupt_;
  Pipe output_pipe_, complaint_pipe_;
  Complaints complaints_;
};

}  // namespace

ChildEnd run_child(const ChildOrder& order, const http::Interrupt* interrupt) {
  return Run(order, interrupt).finish();
}

}  // namespace lockkeeper::agent
