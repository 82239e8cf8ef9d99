#include "bench/crowd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

constexpr std::chrono::seconds kPatience{60};  // for an answer that is due

int connected(std::uint16_t port) {
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (made < 0 || connect(made, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }
  const int one = 1;
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return made;
}

// Takes a whole answer off the front of `text`; false: it is not whole yet.
bool take(std::string& text, Answer& answer) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::size_t at = text.find("Content-Length: ");
  if (at == std::string::npos || at > end) throw std::runtime_error("an answer without Content-Length: " + text);
  const std::size_t length = std::strtoull(text.c_str() + at + 16, nullptr, 10);
  if (text.size() < end + 4 + length) return false;
  answer.status = static_cast<unsigned>(std::strtoul(text.c_str() + 9, nullptr, 10));
  answer.body = text.substr(end + 4, length);
  text.erase(0, end + 4 + length);
  return true;
}

}  // namespace

std::string http_request(std::string_view method, std::string_view target, std::string_view body) {
  std::string text(method);
  text += ' ';
  text += target;
  text += " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ";
  text += std::to_string(body.size());
  text += "\r\n\r\n";
  text += body;
  return text;
}

Crowd::Crowd(std::uint16_t port, std::size_t connections) : poll_(epoll_create1(0)), connections_(connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  for (std::size_t i = 0; i < connections; ++i) {
    connections_[i].socket = connected(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(poll_, EPOLL_CTL_ADD, connections_[i].socket, &event);
  }
}

Crowd::~Crowd() {
  for (const Connection& connection : connections_) close(connection.socket);
  close(poll_);
}

Clock::time_point Crowd::ask(std::size_t connection, const std::string& request) {
  const auto now = Clock::now();
  const auto sent = send(connections_.at(connection).socket, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) throw std::runtime_error("the server does not read");
  return now;
}

std::optional<Answer> Crowd::next(Clock::time_point until) {
  while (answers_.empty()) {
    if (!read_some(until)) return std::nullopt;
  }
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

Answer Crowd::ask_and_wait(std::size_t connection, const std::string& request) {
  const auto until = ask(connection, request) + kPatience;
  while (true) {
    const auto own = std::find_if(answers_.begin(), answers_.end(),
                                  [&](const Answer& one) { return one.connection == connection; });
    if (own != answers_.end()) {
      Answer answer = std::move(*own);
      answers_.erase(own);
      return answer;
    }
    if (!read_some(until)) throw std::runtime_error("no answer for a minute");
  }
}

bool Crowd::read_some(Clock::time_point until) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  std::array<epoll_event, 512> events{};
  const int ready = epoll_wait(poll_, events.data(), static_cast<int>(events.size()),
                               static_cast<int>(std::max(left, milliseconds(0)).count()));
  if (ready < 0 && errno != EINTR) throw std::runtime_error(std::string("epoll_wait: ") + std::strerror(errno));
  for (int i = 0; i < ready; ++i) read(events[static_cast<std::size_t>(i)].data.u64);
  return ready > 0 || Clock::now() < until;
}

void Crowd::read(std::size_t connection) {
  std::array<char, 16384> buffer;
  const ssize_t got = recv(connections_[connection].socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) throw std::runtime_error("the server closed a connection");
  connections_[connection].text.append(buffer.data(), static_cast<std::size_t>(got));
  Answer answer;
  if (!take(connections_[connection].text, answer)) return;
  answer.connection = connection;
  answer.at = Clock::now();
  answers_.push_back(std::move(answer));
}

}  // namespace bench
