#include "cli/run/guarded_command.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <new>
#include <set>
#include <system_error>

#include "cli/run/messages.h"
#include "cli/run/watch.h"

namespace lockkeeper::cli::run {

namespace {

using client::BootClock;

// How long after TERM was due the guard is taken for one that stands still, and after KILL.
constexpr milliseconds kGuardsTime{50};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Shared* shared_memory() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("no memory to share with the guard");
  return new (memory) Shared{Time::max().time_since_epoch().count()};
}

// What the process brought along when it became lockctl.
std::set<pid_t> older_children() {
  std::set<pid_t> children;
  for (const Process& one : processes()) {
    if (one.parent == getpid()) children.insert(one.pid);
  }
  return children;
}

}  // namespace

class GuardedCommand::Impl {
 public:
  explicit Impl(GuardOrder order) : order_(std::move(order)), shared_(shared_memory()), older_(older_children()) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("no way to a guard");
    // Who is below a guard that died comes to this process, not to init.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t front = getpgrp();
    // The guard's first moments are no different.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    guard_ = fork();
    if (guard_ != 0) sigprocmask(SIG_SETMASK, &before, nullptr);
    if (guard_ < 0) fail("no guard can be started");
    if (guard_ == 0) {
      close(ends[0]);
      run_guard(order_, front, ends[1], *shared_);
    }
    close(ends[1]);
    socket_ = ends[0];
  }

  ~Impl() {
    finish();
    kill_guard();
    close(socket_);
    munmap(shared_, sizeof(Shared));
  }

  void start(const Start& start) {
    spans_ = start.spans;
    BootClock::rep never = Time::max().time_since_epoch().count();  // unless a renewal was quicker
    shared_->term_at.compare_exchange_strong(never, start.term_at.time_since_epoch().count());
    std::string text = start.note + '\0';
    for (const auto& [name, value] : start.environment) text += name + '=' + value + '\0';
    state_ = State::runs;
    if (!send(socket_, {Message::Kind::start, static_cast<std::int32_t>(spans_.grace.count())}, text)) take_over();
  }

  void put_off(Time term_at) noexcept { shared_->term_at.store(term_at.time_since_epoch().count()); }

  void finish() {
    if (state_ == State::runs) end_now(spans_.grace);
    while (state_ == State::runs) wait();
  }

  void end_now(milliseconds grace) {
    told_kill_at_ = std::min(told_kill_at_, BootClock::now() + grace);
    if (watch_) {
      watch_->begin(BootClock::now(), grace);
    } else {
      send(socket_, {Message::Kind::end_now, static_cast<std::int32_t>(grace.count())});
    }
  }

  void signal(int number) const {
    if (group_ && !exited_) kill(-*group_, number);
  }

  std::optional<pid_t> group() const { return group_; }
  int descriptor() const { return watch_ ? -1 : socket_; }
  bool lost() const { return lost_ || (watch_ && watch_->lost()); }
  bool unguarded() const { return unguarded_; }

  Time wake_at() const {
    if (state_ == State::idle || state_ == State::over) return Time::max();
    if (watch_) return watch_->until();
    return woken_ ? guard_killed_at() : std::min(guard_woken_at(), guard_killed_at());
  }

  std::optional<News> next(Time now) {
    while (news_.empty()) {
      if (watch_) {
        step(now);
        break;
      }
      if (!hear() && !look_after_guard(now)) break;
    }
    if (news_.empty()) return std::nullopt;
    const News first = news_.front();
    news_.pop_front();
    return first;
  }

 private:
  enum class State { idle, runs, over };
  using Kind = Message::Kind;

  Time term_at() const { return Time(BootClock::duration(shared_->term_at.load())); }
  Time guard_woken_at() const { return after(std::min(term_at(), told_kill_at_), kGuardsTime); }
  Time guard_killed_at() const {
    return after(std::min(after(term_at(), spans_.grace), told_kill_at_), std::min(kGuardsTime, spans_.margin / 3));
  }
  static Time after(Time time, milliseconds span) { return time > Time::max() - span ? Time::max() : time + span; }

  void tell(News::What what, int number = 0) {
    if (what == News::What::over || what == News::What::cannot_start) state_ = State::over;
    if (what == News::What::exited) {
      if (exited_) return;
      exited_ = true;
    }
    news_.push_back({what, number});
  }

  // False: there was nothing to hear.
  bool hear() {
    Message message;
    switch (receive(socket_, message, nullptr)) {
      case Received::nothing:
        return false;
      case Received::end:
        if (state_ == State::runs) take_over();
        return state_ == State::runs;
      case Received::message:
        break;
    }
    switch (message.kind) {
      case Kind::started:
        group_ = message.number;
        tell(News::What::started);
        break;
      case Kind::cannot_start:
        tell(News::What::cannot_start, message.number);
        break;
      case Kind::stopped:
        tell(News::What::stopped, message.number);
        break;
      case Kind::lost:
        lost_ = true;
        break;
      case Kind::exited:
        tell(News::What::exited, message.number);
        break;
      case Kind::over:
        tell(News::What::over);
        break;
      case Kind::start:
      case Kind::end_now:
        break;
    }
    return true;
  }

  // False: there was nothing to do.
  bool look_after_guard(Time now) {
    if (state_ != State::runs) return false;
    siginfo_t info{};
    const bool stands =
        waitid(P_PID, static_cast<id_t>(guard_), &info, WSTOPPED | WNOHANG) == 0 && info.si_pid != 0;
    if (stands) kill(guard_, SIGCONT);
    if (now >= guard_killed_at()) {
      // Also what it had not told yet; its end is heard of next.
      if (now >= after(term_at(), spans_.grace)) lost_ = true;
      kill_guard();
      if (state_ == State::runs && !watch_) take_over();
      return true;
    }
    if (woken_ || now < guard_woken_at()) {
      woken_ = woken_ && now >= guard_woken_at();
      return false;
    }
    woken_ = true;
    kill(guard_, SIGCONT);
    return false;
  }

  void kill_guard() {
    if (guard_ <= 0) return;
    kill(guard_, SIGKILL);
    waitpid(guard_, nullptr, 0);
    guard_ = -1;
  }

  // The guard is dead, and whoever descended from it is this process's child now.
  void take_over() {
    while (receive_rest()) {
    }
    kill_guard();
    if (state_ != State::runs) return;
    unguarded_ = true;
    if (!group_) group_ = new_child();
    if (!group_) {  // the guard's end was the command's (PR_SET_PDEATHSIG), or there was none yet
      tell(News::What::exited, SIGKILL);
      return tell(News::What::over);
    }
    watch_.emplace(*group_, spans_.grace, older_);
    watch_->put_off(term_at());
    const Time now = BootClock::now();
    const auto told = std::chrono::ceil<milliseconds>(told_kill_at_ - now);
    watch_->begin(now, std::clamp(told, milliseconds(0), std::min(spans_.grace, milliseconds(1000))));
  }

  bool receive_rest() {
    Message message;
    if (receive(socket_, message, nullptr) != Received::message) return false;
    if (message.kind == Kind::started) group_ = message.number;
    if (message.kind == Kind::lost) lost_ = true;
    if (message.kind == Kind::exited) tell(News::What::exited, message.number);
    if (message.kind == Kind::over) tell(News::What::over);
    if (message.kind == Kind::cannot_start) tell(News::What::cannot_start, message.number);
    return true;
  }

  // The command, if the guard died before it had told its number.
  std::optional<pid_t> new_child() const {
    for (const Process& one : processes()) {
      if (one.parent == getpid() && one.group == one.pid && !older_.contains(one.pid)) return one.pid;
    }
    return std::nullopt;
  }

  void step(Time now) {
    if (state_ != State::runs) return;
    watch_->put_off(term_at());
    const Watch::News news = watch_->step(now);
    if (watch_->status()) tell(News::What::exited, *watch_->status());
    if (news.over) tell(News::What::over);
  }

  void wait() {
    while (next(BootClock::now())) {
    }
    if (state_ != State::runs) return;
    Alarm alarm;
    alarm.set(wake_at());
    pollfd ready[2] = {{descriptor(), POLLIN, 0}, {alarm.descriptor(), POLLIN, 0}};
    poll(ready, 2, -1);
  }

  const GuardOrder order_;
  Shared* const shared_;
  const std::set<pid_t> older_;
  pid_t guard_ = -1;
  int socket_ = -1;
  State state_ = State::idle;
  Spans spans_{};
  Time told_kill_at_ = Time::max();
  std::optional<pid_t> group_;
  std::optional<Watch> watch_;  // when the guard is dead
  std::deque<News> news_;
  bool exited_ = false, lost_ = false, woken_ = false, unguarded_ = false;
};

GuardedCommand::GuardedCommand(GuardOrder order) : impl_(std::make_unique<Impl>(std::move(order))) {}
GuardedCommand::~GuardedCommand() = default;

void GuardedCommand::start(const Start& start) {
  impl_->start(start);
}
void GuardedCommand::put_off(Time term_at) noexcept {
  impl_->put_off(term_at);
}
void GuardedCommand::end_now(milliseconds grace) {
  impl_->end_now(grace);
}
void GuardedCommand::finish() {
  impl_->finish();
}
void GuardedCommand::signal(int number) const {
  impl_->signal(number);
}
std::optional<pid_t> GuardedCommand::group() const {
  return impl_->group();
}
int GuardedCommand::descriptor() const {
  return impl_->descriptor();
}
Time GuardedCommand::wake_at() const {
  return impl_->wake_at();
}
std::optional<GuardedCommand::News> GuardedCommand::next(Time now) {
  return impl_->next(now);
}
bool GuardedCommand::lost() const {
  return impl_->lost();
}
bool GuardedCommand::unguarded() const {
  return impl_->unguarded();
}

}  // namespace lockkeeper::cli::run
