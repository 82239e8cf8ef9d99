// A command whose life can be told to the millisecond: writes the boot clock's time into a file, over and over.
//
//   beats FILE [ignore-term] [family] [hop]
//
// `family`: a child in its process group and one in a session of its own do the same, into FILE.child and
// FILE.daemon. `hop`: so does, into FILE.hop, one that is another process with a session of its own each
// millisecond, for a minute at most; it ignores TERM.
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

std::int64_t boot_time() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

[[noreturn]] void beat(const std::string& path) {
  const int file = open(path.c_str(), O_CREAT | O_WRONLY, 0644);
  std::int64_t said[2] = {0, getpid()};
  for (;;) {
    said[0] = boot_time();
    if (pwrite(file, said, sizeof said, 0) != static_cast<ssize_t>(sizeof said)) _exit(1);
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
  }
}

[[noreturn]] void hop(const std::string& path) {
  signal(SIGTERM, SIG_IGN);
  const int file = open(path.c_str(), O_CREAT | O_WRONLY, 0644);
  const std::int64_t end = boot_time() + 60'000'000'000LL;
  for (;;) {
    const std::int64_t said[2] = {boot_time(), getpid()};
    if (said[0] > end || pwrite(file, said, sizeof said, 0) != static_cast<ssize_t>(sizeof said)) _exit(1);
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
    if (fork() != 0) _exit(0);
    setsid();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string path = argv[1];
  for (int at = 2; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (word == "ignore-term") signal(SIGTERM, SIG_IGN);
    if (word == "hop" && fork() == 0) hop(path + ".hop");
    if (word == "family") {
      if (fork() == 0) beat(path + ".child");
      if (fork() == 0) {
        setsid();
        beat(path + ".daemon");
      }
    }
  }
  beat(path);
}
