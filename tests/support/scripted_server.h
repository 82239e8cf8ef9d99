// A server that plays answers from a script: each request, on whatever connection it comes, takes the next one.
// Plain sockets and no HTTP library, so that a client is tested against bytes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <concepts>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace lockkeeper::testing {

struct Answer {
  std::string bytes;
  bool close = false;  // after these bytes
  bool hold = false;   // no answer at all, and the connection stays open
  bool die = false;    // nobody listens from here on
};

inline Answer answer(unsigned status, const std::string& body,
                     const std::string& type = "application/json; charset=utf-8", const std::string& more = "") {
  return {"HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Type: " + type +
          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body};
}
inline Answer raw(const std::string& bytes) {
  return {bytes, true, false};
}
inline Answer hang_up() {
  return {"", true, false};
}
inline Answer black_hole() {
  return {"", false, true};
}

inline Answer death() {
  return {"", true, false, true};
}

class ScriptedServer {
 public:
  // Called with the request's number, from 0, and its bytes; one call at a time.
  using Respond = std::function<Answer(std::size_t number, const std::string& request)>;

  explicit ScriptedServer(std::vector<Answer> script, SSL_CTX* tls = nullptr)
      : ScriptedServer(
            [script = std::move(script)](std::size_t number, const std::string&) {
              return number < script.size() ? script[number] : hang_up();
            },
            tls) {}

  // `{}` is a script.
  template <std::convertible_to<Respond> F>
    requires std::invocable<F&, std::size_t, const std::string&>
  explicit ScriptedServer(F respond, SSL_CTX* tls = nullptr) : respond_(std::move(respond)), tls_(tls) {
    // libcurl writes to sockets that the other side has closed; the verbs ignore the signal too
    // (resource/signals.h).
    std::signal(SIGPIPE, SIG_IGN);
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listening_ < 0 || bind(listening_, generic, size) != 0 || listen(listening_, 16) != 0 ||
        getsockname(listening_, generic, &size) != 0 || pipe(stop_) != 0) {
      throw std::system_error(errno, std::generic_category(), "scripted server");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }

  ~ScriptedServer() {
    close(stop_[1]);  // readable everywhere
    accepting_.join();
    for (std::thread& serving : serving_) serving.join();
    close(stop_[0]);
    close(listening_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url(const std::string& path = "", const std::string& host = "127.0.0.1") const {
    return std::string(tls_ ? "https" : "http") + "://" + host + ":" + std::to_string(port_) + path;
  }
  std::uint16_t port() const { return port_; }

  // Heads and bodies as they came.
  std::vector<std::string> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  unsigned connections() const {
    const std::scoped_lock lock(mutex_);
    return connections_;
  }
  void wait_for_requests(std::size_t count) const {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  // One connection; TLS or not.
  class Peer {
   public:
    Peer(int socket, SSL_CTX* tls) : socket_(socket) {
      if (!tls) return;
      ssl_ = SSL_new(tls);
      SSL_set_fd(ssl_, socket_);
      open_ = SSL_accept(ssl_) == 1;
    }
    ~Peer() {
      if (ssl_) {
        if (open_) SSL_shutdown(ssl_);
        SSL_free(ssl_);
      }
      close(socket_);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    bool open() const { return open_; }
    bool pending() const { return ssl_ && SSL_pending(ssl_) > 0; }
    int socket() const { return socket_; }
    long read_some(char* bytes, int size) {
      return ssl_ ? SSL_read(ssl_, bytes, size) : recv(socket_, bytes, static_cast<std::size_t>(size), 0);
    }
    void write_all(const std::string& bytes) {
      std::size_t sent = 0;
      while (sent < bytes.size()) {
        const auto left = bytes.size() - sent;
        const long count = ssl_ ? SSL_write(ssl_, bytes.data() + sent, static_cast<int>(left))
                                : send(socket_, bytes.data() + sent, left, MSG_NOSIGNAL);
        if (count <= 0) return;
        sent += static_cast<std::size_t>(count);
      }
    }

   private:
    int socket_;
    SSL* ssl_ = nullptr;
    bool open_ = true;
  };

  bool readable(int descriptor) const {  // false: the server stops
    pollfd both[2] = {{descriptor, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    poll(both, 2, -1);
    return both[1].revents == 0;
  }

  void accept_all() {
    while (readable(listening_)) {
      const int socket = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0 && errno == EINVAL) return;  // died
      if (socket < 0) continue;
      {
        const std::scoped_lock lock(mutex_);
        ++connections_;
      }
      serving_.emplace_back([this, socket] { serve(socket); });
    }
  }

  // One request's bytes, or "" at the end of the connection.
  std::string read_request(Peer& peer, std::string& buffer) const {
    for (;;) {
      const auto head = buffer.find("\r\n\r\n");
      if (head != std::string::npos) {
        const auto length = buffer.find("Content-Length: ");
        const std::size_t body = length < head ? std::strtoul(buffer.c_str() + length + 16, nullptr, 10) : 0;
        if (buffer.size() >= head + 4 + body) {
          std::string request = buffer.substr(0, head + 4 + body);
          buffer.erase(0, request.size());
          return request;
        }
      }
      if (!peer.pending() && !readable(peer.socket())) return "";
      char bytes[4096];
      const long count = peer.read_some(bytes, sizeof bytes);
      if (count <= 0) return "";
      buffer.append(bytes, static_cast<std::size_t>(count));
    }
  }

  void serve(int socket) {
    Peer peer(socket, tls_);
    std::string buffer;
    while (peer.open()) {
      const std::string request = read_request(peer, buffer);
      if (request.empty()) return;
      Answer next = hang_up();
      {
        const std::scoped_lock lock(mutex_);
        next = respond_(requests_.size(), request);
        requests_.push_back(request);
        came_.notify_all();
      }
      if (next.die) shutdown(listening_, SHUT_RDWR);
      peer.write_all(next.bytes);
      if (next.hold) readable(stop_[0]);
      if (next.close) return;
    }
  }

  Respond respond_;
  SSL_CTX* tls_;
  int listening_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable came_;
  std::vector<std::string> requests_;
  unsigned connections_ = 0;
  std::thread accepting_;
  std::vector<std::thread> serving_;  // the accepting thread's, until it has ended
};

}  // namespace lockkeeper::testing
