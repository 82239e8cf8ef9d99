// A proxy that forwards to one loopback port, whatever place it is asked for, and remembers what it was asked: an
// HTTP proxy's CONNECT or SOCKS5. Plain sockets, like the scripted server.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace lockkeeper::testing {

class ForwardingProxy {
 public:
  explicit ForwardingProxy(std::uint16_t to) : to_(to) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening_ < 0 || bind(listening_, generic, size) != 0 || listen(listening_, 16) != 0 ||
        getsockname(listening_, generic, &size) != 0 || pipe(stop_) != 0) {
      throw std::system_error(errno, std::generic_category(), "forwarding proxy");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~ForwardingProxy() {
    close(stop_[1]);  // readable everywhere
    accepting_.join();
    for (std::thread& serving : serving_) serving.join();
    close(stop_[0]);
    close(listening_);
  }
  ForwardingProxy(const ForwardingProxy&) = delete;
  ForwardingProxy& operator=(const ForwardingProxy&) = delete;

  std::string url(const std::string& scheme) const { return scheme + "://127.0.0.1:" + std::to_string(port_); }
  // CONNECT's whole head, or "socks5 HOST:PORT".
  std::vector<std::string> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  bool readable(int descriptor) const {  // false: the proxy stops
    pollfd both[2] = {{descriptor, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    poll(both, 2, -1);
    return both[1].revents == 0;
  }

  void accept_all() {
    while (readable(listening_)) {
      const int socket = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0) serving_.emplace_back([this, socket] { serve(socket); });
    }
  }

  std::string exactly(int socket, std::size_t count) const {
    std::string bytes(count, '\0');
    for (std::size_t have = 0; have < count;) {
      const long some = readable(socket) ? recv(socket, bytes.data() + have, count - have, 0) : 0;
      if (some <= 0) return "";
      have += static_cast<std::size_t>(some);
    }
    return bytes;
  }
  static void say(int socket, const std::string& bytes) { send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  std::string greet_socks(int socket) const {
    const std::string methods = exactly(socket, 1);
    exactly(socket, static_cast<unsigned char>(methods[0]));
    say(socket, {"\x05\x00", 2});
    const std::string head = exactly(socket, 4);
    std::string host;
    if (head[3] == 3) {
      const std::string length = exactly(socket, 1);
      host = exactly(socket, static_cast<unsigned char>(length[0]));
    } else {
      const std::string address = exactly(socket, 4);
      for (const char each : address)
        host += (host.empty() ? "" : ".") + std::to_string(static_cast<unsigned char>(each));
    }
    const std::string port = exactly(socket, 2);
    say(socket, {"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10});
    const int number = static_cast<unsigned char>(port[0]) * 256 + static_cast<unsigned char>(port[1]);
    return "socks5 " + host + ":" + std::to_string(number);
  }

  std::string greet(int socket) const {
    std::string head = exactly(socket, 1);
    if (head == "\x05") return greet_socks(socket);
    while (!head.empty() && !head.ends_with("\r\n\r\n")) {
      const std::string next = exactly(socket, 1);
      if (next.empty()) return "";
      head += next;
    }
    say(socket, "HTTP/1.1 200 Whatever\r\n\r\n");
    return head;
  }

  void serve(int socket) {
    const std::string asked = greet(socket);
    {
      const std::scoped_lock lock(mutex_);
      asked_.push_back(asked);
    }
    const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(to_);
    if (!asked.empty() && connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      forward(socket, other);
    }
    close(other);
    close(socket);
  }

  void forward(int one, int two) const {
    for (;;) {
      pollfd all[3] = {{one, POLLIN, 0}, {two, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      poll(all, 3, -1);
      if (all[2].revents != 0) return;
      for (const int from : {0, 1}) {
        if (all[from].revents == 0) continue;
        char bytes[4096];
        const long count = recv(all[from].fd, bytes, sizeof bytes, 0);
        if (count <= 0) return;
        say(all[1 - from].fd, {bytes, static_cast<std::size_t>(count)});
      }
    }
  }

  std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listening_ = -1;
  int stop_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread accepting_;
  std::vector<std::thread> serving_;
};

}  // namespace lockkeeper::testing
