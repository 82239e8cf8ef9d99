#include "server/doors/grpc/acceptor.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace lockkeeper::server {
namespace {

constexpr int backlog = 1024;
constexpr int pause_ms = 100;  // when there are no descriptors

[[noreturn]] void refuse(const http::Endpoint& endpoint, const std::string& why) {
  const bool six = endpoint.address.find(':') != std::string::npos;
  throw std::runtime_error("cannot listen on " + (six ? "[" + endpoint.address + "]" : endpoint.address) + ":" +
                           std::to_string(endpoint.port) + ": " + why);
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Descriptor listen_on(const http::Endpoint& endpoint, std::uint16_t& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) refuse(endpoint, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, freeaddrinfo);
  Descriptor listener(socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (listener.get() < 0 || setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(listener.get(), address->ai_addr, address->ai_addrlen) != 0 || listen(listener.get(), backlog) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    refuse(endpoint, std::strerror(errno));
  }
  port = port_of(bound);
  return listener;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

int Descriptor::release() noexcept {
  return std::exchange(number_, -1);
}

Acceptor::Acceptor(const std::vector<http::Endpoint>& endpoints, int most)
    : most_(most), wake_(eventfd(0, EFD_CLOEXEC)) {
  if (wake_.get() < 0) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
  for (const http::Endpoint& endpoint : endpoints) {
    std::uint16_t port = 0;
    listeners_.push_back(listen_on(endpoint, port));
    ports_.push_back(port);
  }
}

Acceptor::~Acceptor() {
  stop();
}

void Acceptor::start(std::vector<Handler>& handlers) {
  thread_ = std::thread([this, &handlers] { run(handlers); });
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  listeners_.clear();  // whoever knocks now is refused
}

void Acceptor::run(std::vector<Handler>& handlers) {
  std::vector<pollfd> polled;
  for (const Descriptor& listener : listeners_) polled.push_back({listener.get(), POLLIN, 0});
  polled.push_back({wake_.get(), POLLIN, 0});
  for (;;) {
    if (poll(polled.data(), polled.size(), -1) < 0) continue;  // EINTR
    if (polled.back().revents != 0) return;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[i].revents == 0 || accept_from(listeners_[i].get(), *handlers[i])) continue;
      poll(&polled.back(), 1, pause_ms);
    }
  }
}

// False: not now, and not at once.
bool Acceptor::accept_from(int listener, grpc::experimental::ExternalConnectionAcceptor& handler) {
  Descriptor accepted(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (accepted.get() < 0) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  // A process always gets its lowest free descriptor, so its number counts those that are open.
  if (accepted.get() >= most_) return true;
  const int yes = 1;
  setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listener;
  connection.fd = accepted.release();
  handler.HandleNewConnection(&connection);
  return true;
}

}  // namespace lockkeeper::server
