#include "cli/lockctl/watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "cli/lockctl/exit.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/lock_rows.h"
#include "cli/lockctl/moment.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t slice = 500;

// Of a list that went wrong, after one that did not: a watch outlives its server's restart, and a list that is cut
// half-way.
bool may_pass(const Failure& failure) {
  return failure.code == Exit::unavailable || failure.code == Exit::unreachable || failure.code == Exit::unknown ||
         failure.code == Exit::stranger;
}

std::size_t window_rows() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 ? size.ws_row : 24;
}

// The alternate screen, without a cursor: what was on the terminal is there again afterwards.
class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) { out_ << "\x1b[?1049h\x1b[?25l" << std::flush; }
  ~Screen() { out_ << "\x1b[?25h\x1b[?1049l" << std::flush; }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // In one write, over what is there: no flicker.
  void draw(const std::vector<std::string>& lines) {
    std::string frame = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) frame += (i == 0 ? "" : "\n") + lines[i] + "\x1b[K";
    out_ << frame << "\x1b[J" << std::flush;
  }

 private:
  std::ostream& out_;
};

std::vector<std::string> frame(const Session& session, const std::string& url, const wire::LockPage& page,
                               const std::string& trouble) {
  const std::size_t width = terminal_of(STDOUT_FILENO, session.environment).width, rows = window_rows();
  const std::string title = "locks at " + url + ", " + moment_text(wall_now());
  std::vector<std::string> lines{shortened(title, width), shortened(trouble, width)};
  const Columns table = columns_of(page.locks);
  for (std::string& line : lines_of(table.columns, table.rows, width, session.color))
    lines.push_back(std::move(line));
  if (!page.next.empty() || lines.size() > rows) {
    lines.resize(std::min(lines.size(), rows - 1));
    lines.emplace_back("...");
  }
  return lines;
}

// SIGWINCH comes within a pause and nowhere else, so that none is missed.
class WindowSignal {
 public:
  WindowSignal() {
    sigset_t window;
    sigemptyset(&window);
    sigaddset(&window, SIGWINCH);
    sigprocmask(SIG_BLOCK, &window, &before_);
  }
  ~WindowSignal() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  WindowSignal(const WindowSignal&) = delete;
  WindowSignal& operator=(const WindowSignal&) = delete;

  // Ends early when the window has another size. False: a signal says that it is the end.
  bool pause(const http::Interrupt& interrupt, milliseconds interval) const {
    pollfd polled = {interrupt.descriptor(), POLLIN, 0};
    const auto seconds = std::chrono::floor<std::chrono::seconds>(interval);
    const timespec time = {seconds.count(), std::chrono::nanoseconds(interval - seconds).count()};
    ppoll(&polled, 1, &time, &before_);
    return !interrupt.raised();
  }

 private:
  sigset_t before_{};
};

std::vector<wire::LockView> all_locks(Session& session, const std::string& prefix) {
  std::vector<wire::LockView> locks;
  std::string after;
  do {
    wire::LockPage page = session.client().list(prefix, after, slice);
    for (wire::LockView& lock : page.locks) locks.push_back(std::move(lock));
    after = page.next;
  } while (!after.empty());
  return locks;
}

// nullopt, and a warning the first time: no answer. `looked`: there was one before.
std::optional<std::vector<wire::LockView>> look(Session& session, const std::string& prefix, bool& looked,
                                                bool& in_trouble) {
  try {
    auto locks = all_locks(session, prefix);
    looked = true;
    if (std::exchange(in_trouble, false)) session.warn("the server answers again");
    return locks;
  } catch (const std::exception&) {
    const Failure failure = current_failure();
    if (!may_pass(failure) || (failure.code == Exit::stranger && !looked)) throw;
    if (!std::exchange(in_trouble, true)) session.warn(std::string(failure.what()) + "; trying on");
    return std::nullopt;
  }
}

void say(const Session& session, const wire::LockView& lock) {
  if (session.json()) {
    session.out << json_of(lock) << '\n';
  } else {
    session.out << moment_text(wall_now()) << "  " << harmless(lock.lock) << ": " << state_text(lock) << '\n';
  }
}

}  // namespace

void watch_on_terminal(Session& session, const std::string& prefix) {
  const milliseconds interval = session.interval();
  wire::LockPage page = session.client().list(prefix, "", window_rows());
  std::string trouble;
  const WindowSignal window;
  Screen screen(session.out);
  while (session.out) {
    screen.draw(frame(session, session.client().url(), page, trouble));
    if (!window.pause(*session.interrupt, interval)) return;
    try {
      page = session.client().list(prefix, "", window_rows());
      trouble.clear();
    } catch (const std::exception&) {
      const Failure failure = current_failure();
      if (session.interrupt->raised()) return;
      if (!may_pass(failure)) throw;
      trouble = harmless(failure.what());
    }
  }
}

void watch_changes(Session& session, const std::string& prefix) {
  const milliseconds interval = session.interval();
  std::map<std::string, wire::LockView> before;
  bool looked = false, in_trouble = false;
  while (session.out) {
    if (auto locks = look(session, prefix, looked, in_trouble)) {
      std::map<std::string, wire::LockView> now;
      for (wire::LockView& lock : *locks) {
        const auto known = before.find(lock.lock);
        // An original server has no versions.
        const bool same = known != before.end() && known->second.version == lock.version &&
                          known->second.count == lock.count && known->second.queue.size() == lock.queue.size();
        if (!same) say(session, lock);
        now.emplace(lock.lock, std::move(lock));
      }
      for (const auto& [name, lock] : before) {
        if (now.contains(name)) continue;
        wire::LockView free;
        free.lock = name;
        free.version = lock.version;
        say(session, free);
      }
      before = std::move(now);
      session.out << std::flush;
    }
    if (session.interrupt->sleep(interval)) return;
  }
}

}  // namespace lockkeeper::cli::lockctl
