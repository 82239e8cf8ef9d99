// Both ends of a Listener under test: a scripted Service, and a client of plain sockets that sends what it likes.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/listener.h"

namespace lockkeeper::http {

// Echoes "METHOD target body" unless told otherwise; remembers what it was told.
class ScriptedService final : public Service {
 public:
  using OnServe = std::function<void(Exchange&, Listener&)>;
  explicit ScriptedService(OnServe on_serve) : on_serve_(std::move(on_serve)) {}

  Listener* listener = nullptr;  // before it starts

  static void echo(Exchange& exchange) {
    const Request& request = exchange.request();
    Response response;
    response.content_type = "text/plain";
    response.body.append(request.method()).append(" ").append(request.target()).append(" ").append(request.body());
    exchange.answer(std::move(response));
  }

  void serve(Exchange& exchange) override { on_serve_(exchange, *listener); }
  Response fault(unsigned status, std::string_view text) override {
    Response response;
    response.status = status;
    response.body = "{\"error\":\"" + std::string(text) + "\"}\n";
    return response;
  }
  void finished(const Exchange&, unsigned status, std::size_t) override { note(finished_, status); }
  void faulted(std::uint64_t id, std::string_view, unsigned status, std::string_view) override {
    {
      const std::lock_guard lock(mutex_);
      fault_ids_.insert(id);
    }
    note(faulted_, status);
  }

  // Wait until there are that many.
  std::vector<unsigned> finished(std::size_t count) { return wait(finished_, count); }
  std::vector<unsigned> faulted(std::size_t count) { return wait(faulted_, count); }
  std::set<std::uint64_t> fault_ids() {
    const std::lock_guard lock(mutex_);
    return fault_ids_;
  }

 private:
  void note(std::vector<unsigned>& list, unsigned status) {
    const std::lock_guard lock(mutex_);
    list.push_back(status);
    changed_.notify_all();
  }
  std::vector<unsigned> wait(std::vector<unsigned>& list, std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return list.size() >= count; });
    return list;
  }

  const OnServe on_serve_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<unsigned> finished_, faulted_;
  std::set<std::uint64_t> fault_ids_;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_buffer != 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    // NOLINTNEXTLINE: the sockets API wants it
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // false: the other end takes no more.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t size = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  void finish_sending() const { shutdown(socket_, SHUT_WR); }
  // What closes with this sends RST, not FIN.
  void reset_on_close() const {
    const linger at_once{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  // Until `end` has been received (it is part of the answer), or the connection is closed; what is read beyond
  // `end` stays for the next call.
  std::string receive(std::string_view end) {
    for (;;) {
      if (const auto at = end.empty() ? std::string::npos : unread_.find(end); at != std::string::npos) {
        std::string text = unread_.substr(0, at + end.size());
        unread_.erase(0, text.size());
        return text;
      }
      char buffer[16 * 1024];
      pollfd ready{socket_, POLLIN, 0};
      if (poll(&ready, 1, 20'000) != 1) return std::exchange(unread_, {}) + "<nothing more within 20 s>";
      const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
      if (size == 0) return std::exchange(unread_, {});
      if (size < 0) return std::exchange(unread_, {}) + "<reset>";
      unread_.append(buffer, static_cast<std::size_t>(size));
    }
  }
  std::string receive_all() { return receive(""); }
  int native() const { return socket_; }

 private:
  int socket_;
  std::string unread_;
};

inline ListenerSettings on_loopback(std::size_t io_threads = 1) {
  ListenerSettings settings;
  settings.endpoints.push_back({"127.0.0.1", 0});
  settings.io_threads = io_threads;
  return settings;
}

// A listener that is served by `service` until the end of the test.
struct Running {
  explicit Running(ListenerSettings settings = on_loopback())
      : Running([](Exchange& exchange, Listener&) { ScriptedService::echo(exchange); }, std::move(settings)) {}
  explicit Running(ScriptedService::OnServe on_serve, ListenerSettings settings = on_loopback())
      : service(std::move(on_serve)), listener(std::move(settings), service) {
    service.listener = &listener;
    listener.start();
  }
  std::uint16_t port() const { return listener.ports().front(); }

  ScriptedService service;
  Listener listener;
};

}  // namespace lockkeeper::http
