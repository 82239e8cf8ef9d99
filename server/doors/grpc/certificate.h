// A certificate that can be read again while gRPC serves with it: each handshake asks for the newest.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace lockkeeper::server {

class Certificate {
 public:
  // Throws std::runtime_error when a file cannot be read.
  Certificate(std::string certificate_file, std::string key_file);
  void read_again();

  // Of one port. The certificate outlives it.
  std::shared_ptr<grpc::ServerCredentials> credentials();

  struct Pair {
    std::uint64_t edition = 0;
    std::string chain, key;
  };
  Pair newer_than(std::uint64_t edition) const;  // edition 0: there is none

 private:
  const std::string certificate_file_, key_file_;
  mutable std::mutex mutex_;
  Pair pair_;
};

}  // namespace lockkeeper::server
