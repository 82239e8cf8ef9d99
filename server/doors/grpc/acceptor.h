// Accepts connections for gRPC, whose own listeners stop for good when the process runs out of descriptors once.
#pragma once

#include <grpcpp/server_builder.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "http/listener.h"

namespace lockkeeper::server {

// A file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return number_; }
  int release() noexcept;

 private:
  int number_;
};

class Acceptor {
 public:
  using Handler = std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor>;

  // Listens from here on, and accepts from start() on. A connection whose descriptor is `most` or more, which says
  // that as many are open, is closed. Throws std::runtime_error.
  Acceptor(const std::vector<http::Endpoint>& endpoints, int most);
  ~Acceptor();  // stops
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  const std::vector<std::uint16_t>& ports() const { return ports_; }
  // One handler for each endpoint; they outlive stop().
  void start(std::vector<Handler>& handlers);
  void stop();

 private:
  void run(std::vector<Handler>& handlers);
  bool accept_from(int listener, grpc::experimental::ExternalConnectionAcceptor& handler);

  const int most_;
  std::vector<Descriptor> listeners_;
  std::vector<std::uint16_t> ports_;
  Descriptor wake_;
  std::thread thread_;
};

}  // namespace lockkeeper::server
