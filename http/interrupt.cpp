#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include "http/client.h"

namespace lockkeeper::http {

Interrupt::Interrupt() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "no pipe for interrupts");
  }
  read_ = ends[0];
  write_ = ends[1];
}

Interrupt::~Interrupt() {
  close(read_);
  close(write_);
}

void Interrupt::raise() noexcept {
  if (raised_.exchange(true)) return;
  // In a signal handler: write() may be called, but must not change the errno of what it interrupted.
  const int before = errno;
  while (write(write_, "!", 1) < 0 && errno == EINTR) {
  }
  errno = before;
}

bool Interrupt::raised() const noexcept {
  return raised_.load();
}

void Interrupt::clear() noexcept {
  char bytes[16];
  while (read(read_, bytes, sizeof bytes) > 0) {
  }
  raised_.store(false);
}

int Interrupt::descriptor() const noexcept {
  return read_;
}

bool Interrupt::sleep(std::chrono::milliseconds duration) const noexcept {
  using std::chrono::steady_clock;
  const auto until = steady_clock::now() + duration;
  while (!raised()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    if (left <= 0) break;
    pollfd descriptor{read_, POLLIN, 0};
    poll(&descriptor, 1, static_cast<int>(std::min<decltype(left)>(left, std::numeric_limits<int>::max())));
  }
  return raised();
}

}  // namespace lockkeeper::http
