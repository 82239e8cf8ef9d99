// The seam between the server and its gRPC service, which is a module of its own, loaded only where it is asked
// for: nobody else pays for gRPC's libraries. None of their types is in here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/listener.h"
#include "locks/limits.h"
#include "server/io_mailbox.h"

namespace lockkeeper::server {

inline constexpr std::string_view grpc_door = "lockd-grpc";

struct GrpcSettings {
  std::vector<http::Endpoint> endpoints;
  std::string certificate_file, key_file;  // PEM; both, or none: plain
  int most_descriptors = 0;                // what would be one more is not accepted
  std::size_t message_bytes = 0;
  std::size_t metadata_bytes = 0;
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds handshake_timeout{0};
};

// A call that is over, for the log and the metrics.
struct GrpcCall {
  std::string_view path;  // "/lockapi.Locking/Lock"
  bool known = false;     // there is such a method
  int code = 0;           // gRPC's status code, 0 to 16
  bool waits = false;     // it asked to wait
  std::chrono::nanoseconds took{0};
  std::size_t body_bytes = 0;  // of the answer
  std::string_view peer;       // "127.0.0.1:4711"
  std::string_view user;
};

// What the house does for its gRPC service. Any thread.
class GrpcDesk {
 public:
  virtual ~GrpcDesk() = default;
  // `user` becomes the authenticated name, or stays empty where nobody has to authenticate.
  virtual bool admits(std::string_view authorization, std::string& user) const = 0;
  // The answer comes on the desk's own thread, so that the engine's has nothing to do with gRPC.
  virtual void ask(IoCall& call) noexcept = 0;
  virtual const locks::Limits& limits() const = 0;
  virtual void finished(const GrpcCall& call) noexcept = 0;
};

// Serves from its making on.
class GrpcDoor {
 public:
  // Waits until it has stopped: what it asked the desk is answered.
  virtual ~GrpcDoor() = default;
  virtual const std::vector<std::uint16_t>& ports() const = 0;  // in the order of the endpoints
  // The files are read again; they were found good.
  virtual void reload_tls() = 0;
  // Begins to: takes no more calls, sends those that wait home, and cuts what is not over after `grace`.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

// What the module exports under these names. The version is that of the server it was built with: another one's
// seam may be another. A factory throws std::runtime_error.
using GrpcDoorVersion = const char* (*)();
using GrpcDoorFactory = GrpcDoor* (*)(GrpcDesk& desk, const GrpcSettings& settings);
inline constexpr const char* grpc_door_version = "lockkeeper_grpc_door_version";
inline constexpr const char* grpc_door_factory = "lockkeeper_grpc_door";

}  // namespace lockkeeper::server
