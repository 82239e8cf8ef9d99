#include "cli/run/watch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lockkeeper::cli::run {

namespace {

// Not everybody's end is told by a SIGCHLD: that of a grandchild is its parent's.
constexpr milliseconds kLookAgain{20};

// How long children are killed one after the other, before the guard listens again.
constexpr milliseconds kKillChildren{50};

int wait_status(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return info.si_status << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

// Waits for those of `which`, as waitpid's, that are dead.
bool child_lives(pid_t which) {
  pid_t child = 0;
  do {
    child = waitpid(which, nullptr, WNOHANG);
  } while (child > 0);
  return child == 0;
}

}  // namespace

Watch::Watch(pid_t leader, milliseconds grace, std::set<pid_t> spared)
    : leader_(leader), grace_(grace), spared_(std::move(spared)), ending_(grace) {}

void Watch::begin(Time now, milliseconds grace) {
  everything_ = true;
  ending_.begin(now, grace);
}

// The leader is not waited for until all others are dead: as long as it is there, its number is no other group's.
std::optional<int> Watch::look() {
  std::optional<int> stopped;
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(leader_), &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
         info.si_pid != 0) {
    stopped = info.si_code == CLD_STOPPED ? std::optional(info.si_status) : std::nullopt;
    info = {};
  }
  while (!status_) {
    info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
    if (info.si_pid == leader_) {
      status_ = wait_status(info);
    } else if (spared_.contains(info.si_pid) || waitpid(info.si_pid, nullptr, WNOHANG) <= 0) {
      // It stands before the leader for good.
      info = {};
      if (waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        status_ = wait_status(info);
      }
      break;
    }
  }
  return stopped;
}

void Watch::wait_for_strays(const std::vector<Process>& all) const {
  for (const Process& one : all) {
    if (one.dead && one.parent == getpid() && one.pid != leader_ && !spared_.contains(one.pid)) {
      waitpid(one.pid, nullptr, WNOHANG);
    }
  }
}

void Watch::signal(int number) const {
  kill(-leader_, number);
  if (!everything_) return;
  for (const Process& one : below(processes(), getpid(), spared_)) {
    if (!one.dead && one.group != leader_) kill(one.pid, number);
  }
}

// What forks and ends before /proc is read as far as it is a child of this process at once, and is met here.
void Watch::kill_children() const {
  std::set<pid_t> killed;
  const Time until = client::BootClock::now() + kKillChildren;
  for (bool more = true; more && client::BootClock::now() < until;) {
    more = false;
    visit_children([&](pid_t child) {
      if (spared_.contains(child)) return;
      const bool dead = child != leader_ && waitpid(child, nullptr, WNOHANG) > 0;
      if (dead || killed.insert(child).second) more = true;
      if (!dead) kill(child, SIGKILL);
    });
  }
}

bool Watch::gone() {
  const std::vector<Process> all = processes();
  wait_for_strays(all);
  const auto lives = [](const Process& one) { return !one.dead; };
  const auto in_group = [&](const Process& one) { return one.group == leader_; };
  if (std::any_of(all.begin(), all.end(), [&](const Process& one) { return in_group(one) && lives(one); })) {
    return false;
  }
  const auto descendants = below(all, getpid(), spared_);
  if (everything_ && std::any_of(descendants.begin(), descendants.end(), lives)) return false;
  // What was being forked while /proc was read is a child of this process by now, since nobody else lives.
  if (child_lives(-leader_)) return false;
  if (everything_ && spared_.empty() && child_lives(-1)) return false;
  if (kill(-leader_, 0) != 0 && errno == ESRCH) return true;
  // The rest of the group are zombies of somebody who does not wait for them, unless /proc hides who lives.
  const auto again = processes();
  return std::any_of(again.begin(), again.end(), in_group) &&
         std::none_of(again.begin(), again.end(), [&](const Process& one) { return in_group(one) && lives(one); });
}

Watch::News Watch::step(Time now) {
  News news;
  news.stopped = look();
  news.over = status_ && gone();
  if (news.over) return news;
  if (status_ && !ending_.begun()) ending_.begin(now, grace_);
  const Ending::Step step = ending_.next(now);
  if (ending_.by_lease()) everything_ = true;
  if (step.what == Ending::What::term) {
    signal(SIGTERM);
    signal(SIGCONT);
  } else if (step.what == Ending::What::kill) {
    signal(SIGKILL);
    killing_ = true;
  }
  if (killing_ && everything_) kill_children();
  until_ = step.what == Ending::What::sleep ? step.until : now;
  // At once again after TERM and KILL: what comes next says when.
  if (ending_.begun()) until_ = std::min(std::max(until_, now + milliseconds(1)), now + kLookAgain);
  return news;
}

}  // namespace lockkeeper::cli::run
