#include "cli/run/messages.h"

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <vector>

namespace lockkeeper::cli::run {

Received receive(int socket, Message& message, std::string* text) {
  std::vector<char> room(text != nullptr ? longest_text : 0);
  iovec parts[2] = {{&message, sizeof message}, {room.data(), room.size()}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  const ssize_t length = recvmsg(socket, &header, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return Received::nothing;
  if (length < static_cast<ssize_t>(sizeof message)) return Received::end;
  if (text != nullptr) text->assign(room.data(), static_cast<std::size_t>(length) - sizeof message);
  return Received::message;
}

bool send(int socket, const Message& message, const std::string& text) {
  Message copy = message;
  std::string body = text;
  iovec parts[2] = {{&copy, sizeof copy}, {body.data(), body.size()}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

Alarm::Alarm() : descriptor_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "no timer for a lease");
}

Alarm::~Alarm() {
  close(descriptor_);
}

void Alarm::set(client::BootClock::time_point time) {
  itimerspec spec{};
  if (time != client::BootClock::time_point::max()) {
    const auto since = time.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    spec.it_value.tv_sec = std::max<time_t>(0, static_cast<time_t>(seconds.count()));
    spec.it_value.tv_nsec = std::max(static_cast<long>((since - seconds).count()), 1L);  // 0 disarms
  }
  timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

}  // namespace lockkeeper::cli::run
