// What people see while they wait: on a terminal, in a log, and with names that would rather do something else.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/shown/progress.h"
#include "cli/shown/terminal.h"
#include "cli/shown/text.h"
#include "cli/shown/waiting.h"

namespace lockkeeper::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// ---- terminals

class Pty {
 public:
  Pty() : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
    grantpt(master_);
    unlockpt(master_);
    slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY);
    const winsize size{.ws_row = 24, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
    ioctl(slave_, TIOCSWINSZ, &size);
  }
  ~Pty() {
    close(slave_);
    close(master_);
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  int slave() const { return slave_; }

 private:
  int master_;
  int slave_;
};

TEST(Terminal, TellsItsWidthAndTakesColours) {
  const Pty pty;
  const Terminal terminal = terminal_of(pty.slave(), {{"TERM", "xterm-256color"}, {"NO_COLOR", ""}});
  EXPECT_TRUE(terminal.is_one);
  EXPECT_TRUE(terminal.rewrites);
  EXPECT_TRUE(terminal.colours) << "an empty NO_COLOR says nothing";
  EXPECT_EQ(terminal.width, 132u);
}

TEST(Terminal, NoColorAndDumbOnesHaveNoColours) {
  const Pty pty;
  const Terminal plain = terminal_of(pty.slave(), {{"TERM", "xterm"}, {"NO_COLOR", "1"}});
  EXPECT_TRUE(plain.rewrites);
  EXPECT_FALSE(plain.colours);
  for (const Environment& environment : {Environment{{"TERM", "dumb"}}, Environment{}}) {
    const Terminal dumb = terminal_of(pty.slave(), environment);
    EXPECT_TRUE(dumb.is_one);
    EXPECT_FALSE(dumb.rewrites);
    EXPECT_FALSE(dumb.colours);
  }
}

TEST(Terminal, ColumnsCountsMoreUnlessItIsNoNumber) {
  const Pty pty;
  EXPECT_EQ(terminal_of(pty.slave(), {{"TERM", "xterm"}, {"COLUMNS", "40"}}).width, 40u);
  for (const char* no : {"", "0", "-3", "40x", "99999999999999999999"}) {
    EXPECT_EQ(terminal_of(pty.slave(), {{"TERM", "xterm"}, {"COLUMNS", no}}).width, 132u) << no;
  }
}

TEST(Terminal, AFileIsNone) {
  const int file = open("/dev/null", O_WRONLY);
  const Terminal terminal = terminal_of(file, {{"TERM", "xterm"}, {"COLUMNS", "40"}});
  close(file);
  EXPECT_FALSE(terminal.is_one);
  EXPECT_FALSE(terminal.colours);
  EXPECT_FALSE(terminal.rewrites);
  EXPECT_EQ(terminal.width, 0u);
}

// ---- text from outside

TEST(Text, HasNothingThatActsOnATerminal) {
  EXPECT_EQ(harmless("a\x1b[31mb\r\n\tc\x7f"), "a?[31mb???c?");
  EXPECT_EQ(harmless("a\u009b31m"), "a?31m") << "C1";
  EXPECT_EQ(harmless("a\u202Eb\u2066c\u200Fd\u2028e"), "a?b?c?d?e") << "directions";
  EXPECT_EQ(harmless("a\xFFz\xE6\x97"), "a?z??") << "no UTF-8";
  EXPECT_EQ(harmless(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(harmless("schlüssel 日本語 😀 é"), "schlüssel 日本語 😀 é");
}

TEST(Text, TakesAsManyColumnsAsATerminalGivesIt) {
  EXPECT_EQ(shown_width("abc"), 3u);
  EXPECT_EQ(shown_width("schlüssel"), 9u);
  EXPECT_EQ(shown_width("日本語"), 6u);
  EXPECT_EQ(shown_width("e\u0301"), 1u) << "combines";
  EXPECT_EQ(shown_width(""), 0u);
}

TEST(Text, IsCutWithAnEllipsisWithinItsWidth) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdef", 5), "abcd…");
  EXPECT_EQ(shortened("abcdef", 0), "abcdef");
  EXPECT_EQ(shortened("abcdef", 1), "…");
  EXPECT_EQ(shortened("日本語", 5), "日本…");
  EXPECT_EQ(shortened("日本語", 4), "日…") << "half a letter is none";
  EXPECT_EQ(shortened("日本語", 6), "日本語");
}

// ---- progress

class ProgressTest : public ::testing::Test {
 protected:
  static constexpr Terminal wide{.is_one = true, .rewrites = true, .colours = true, .width = 30};

  void write(std::string_view text) { written_ += text; }
  std::unique_ptr<Progress> progress(const Terminal& terminal) {
    return std::make_unique<Progress>(
        terminal, [this](std::string_view text) { write(text); }, [this] { return now_; });
  }
  std::string written() { return std::exchange(written_, {}); }

  Progress::Time now_{1000s};
  std::string written_;
};

TEST_F(ProgressTest, KeepsOneLineOfATerminalAndTakesItAway) {
  auto line = progress(wide);
  line->say("one 1s", "one");
  EXPECT_EQ(written(), "\rone 1s\x1b[K");
  line->say("one 2s", "one");
  EXPECT_EQ(written(), "\rone 2s\x1b[K");
  line->say("one 2s", "one");
  EXPECT_EQ(written(), "");
  line.reset();
  EXPECT_EQ(written(), "\r\x1b[K");
}

TEST_F(ProgressTest, ALineOfATerminalIsNeverWrapped) {
  auto line = progress(wide);
  line->say(std::string(30, 'x'), "x");
  EXPECT_EQ(written(), "\r" + std::string(28, 'x') + "…\x1b[K");
}

TEST_F(ProgressTest, ANoteStaysAboveTheLine) {
  auto line = progress(wide);
  line->note("first");
  EXPECT_EQ(written(), "first\n");
  line->say("waiting", "w");
  line->note("and this is longer than the terminal is wide");
  EXPECT_EQ(written(), "\rwaiting\x1b[K\r\x1b[Kand this is longer than the terminal is wide\n\rwaiting\x1b[K");
}

TEST_F(ProgressTest, ElsewhereItSaysWhatChangedAndNowAndThenThatItStillIsSo) {
  auto log = progress({});
  log->say("waiting 1s", "a");
  now_ += 59s;
  log->say("waiting 60s", "a");
  EXPECT_EQ(written(), "waiting 1s\n") << "time that goes by is no news";
  now_ += 1s;
  log->say("waiting 61s", "a");
  EXPECT_EQ(written(), "still waiting 61s\n");
  now_ += 59s;
  log->say("waiting 2m", "a");
  EXPECT_EQ(written(), "");
  log->say("waiting 2m", "b");
  EXPECT_EQ(written(), "waiting 2m\n");
  now_ += 59s;
  log->say("waiting 3m", "b");
  log->note("noted");
  log.reset();
  EXPECT_EQ(written(), "noted\n");
}

TEST_F(ProgressTest, ADumbTerminalGetsLinesToo) {
  auto lines = progress({.is_one = true, .width = 10});
  lines->say("longer than the terminal is wide", "a");
  EXPECT_EQ(written(), "longer than the terminal is wide\n");
}

TEST_F(ProgressTest, NoNameOfAnybodyActsOnTheTerminal) {
  auto line = progress(wide);
  line->say("by \x1b]0;mine\a", "x");
  line->note("\x1b[2J");
  EXPECT_EQ(written(), "\rby ?]0;mine?\x1b[K\r\x1b[K?[2J\n\rby ?]0;mine?\x1b[K");
}

// ---- who waits

constexpr locks::WallTime two{1'795'269'600'000ms};  // 2026-11-21T14:00:00Z

class WaitingTest : public ProgressTest {
 protected:
  static wire::DeniedView denied(const std::string& holder, std::uint64_t position,
                                 locks::WallTime queued_at = two) {
    wire::DeniedView view;
    view.holders.push_back({holder, 1, two, {}});
    view.queued.emplace();
    view.queued->position = position;
    view.queued->waiters = 3;
    view.queued->since = queued_at;
    for (std::uint64_t i = 1; i < position; ++i) view.queued->ahead.push_back({"main/api/deploy #7", 1, two, {}});
    return view;
  }
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    std::string text = written();
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      lines.push_back(text.substr(0, end));
    }
    return lines;
  }

  locks::WallTime wall_ = two + 190s;
  std::unique_ptr<Progress> log_ = progress({});
  Waiting waiting_{"production", *log_, [this] { return wall_; }};
};

TEST_F(WaitingTest, IsToldWhoHoldsTheLockAndWhoIsBefore) {
  auto view = denied("alice@host", 2);
  view.queued->estimate = 14min;
  waiting_.queued(view);
  EXPECT_THAT(lines(),
              ElementsAre("waiting for production: held by alice@host since 14:00Z (3m10s); place 2 of 3 in the "
                          "queue, behind main/api/deploy #7; about 14m to go"));
}

TEST_F(WaitingTest, HearsOfEachChangeButNotOfTimeEstimatesAndThoseBehind) {
  const auto listener = waiting_.listener();
  auto view = denied("alice", 2);
  listener.queued(view);
  wall_ += 10s;
  view.queued->estimate = 10s;
  view.queued->waiters = 9;
  listener.queued(view);
  EXPECT_THAT(lines(), testing::SizeIs(1));
  listener.queued(denied("bob", 2));
  listener.queued(denied("bob", 1));
  auto anew = denied("bob", 1);
  anew.holders[0].since += 1s;
  listener.queued(anew);
  EXPECT_THAT(lines(),
              ElementsAre(HasSubstr("held by bob"), HasSubstr("next of 3 in the queue"), HasSubstr("(3m19s)")));
}

TEST_F(WaitingTest, BetweenTwoHoldersNobodyHasIt) {
  auto view = denied("alice", 1);
  view.holders.clear();
  waiting_.queued(view);
  EXPECT_THAT(lines(), ElementsAre("waiting for production: about to be handed over; next of 3 in the queue"));
}

TEST_F(WaitingTest, HearsWhenTheServerIsAwayAndThatThePlaceIsKept) {
  const auto listener = waiting_.listener();
  listener.trouble("http://h answered 503: no room");
  EXPECT_THAT(lines(), ElementsAre("http://h answered 503: no room; trying again"));
  waiting_.queued(denied("alice", 1));
  lines();
  listener.trouble("http://h answered 503: no room");
  listener.answered();
  EXPECT_THAT(lines(), ElementsAre("http://h answered 503: no room; trying again, the place in the queue is kept",
                                   "the server answers again"));
}

TEST_F(WaitingTest, HearsThatThePlaceWasLost) {
  waiting_.queued(denied("alice", 1));
  lines();
  waiting_.queued(denied("alice", 3, two + 5min));
  EXPECT_THAT(lines(),
              ElementsAre(HasSubstr("the place in the queue for production has lapsed"), HasSubstr("place 3")));
}

}  // namespace
}  // namespace lockkeeper::cli
