// What a URL redis:// or rediss:// says:
//
//   redis://[USER[:PASSWORD]@]HOST[:6379][/DATABASE][?OPTION=VALUE...]
//
//   prefix=lockkeeper      before all keys; letters, digits and . _ -
//   timeout=1500ms         in which each operation comes back; below the engine's deadline of 2 s
//   connect_timeout=5s     for how long the start tries
//   password_file=FILE     its first line, instead of a password in the URL
// rediss:// is TLS (1.2 or newer; the server's name is checked), with
//   ca=FILE                authorities; the system's without it
//   cert=FILE, key=FILE    a certificate to show
//   server_name=NAME       what the server's certificate is for, where that is not HOST
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "stores/module.h"

namespace lockkeeper::stores {

struct RedisOptions {
  std::string host;
  std::uint16_t port = 6379;
  std::string user, password;  // secret
  unsigned database = 0;
  bool tls = false;
  std::string ca, certificate, key, server_name;
  std::string prefix = "lockkeeper";
  std::chrono::milliseconds timeout{1500};
  std::chrono::milliseconds connect_timeout{5000};
  std::function<void(const std::string&)> warn, info;  // never null
};

// Throws StoreError for what is wrong in it.
RedisOptions redis_options(StoreSettings settings);

}  // namespace lockkeeper::stores
