// `url` of [backend.redis], read as redis-py reads it:
//
//   redis://[[USER]:PASSWORD@][HOST][:6379][/DATABASE][?OPTION=VALUE&...]
//   rediss://...                             TLS: the server is verified against the system's authorities
//   unix://[[USER]:PASSWORD@]/PATH[?...]
//
//   db=N                     instead of the path's
//   username=, password=, host=, port=, client_name=
//   socket_timeout=SECONDS, socket_connect_timeout=SECONDS
//   ssl_ca_certs=FILE, ssl_ca_path=FOLDER, ssl_certfile=FILE, ssl_keyfile=FILE, ssl_password=PASSWORD,
//   ssl_cert_reqs=required|optional|none, ssl_check_hostname=True|False
//
// Others of redis-py's that make no difference to one command are accepted. An option that is unknown is an error.
// Unlike redis-py before 6, the server's name is checked unless ssl_check_hostname says not to.
#pragma once

#include <chrono>
#include <string>

#include "stores/redis/transport.h"

namespace lockkeeper::cli::stormlock {

struct RedisUrl {
  stores::redis::Address address;
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{10'000};  // of a command; redis-py waits for ever
};

// `called` begins a ConfigError's sentence, which shows nothing of the URL.
RedisUrl redis_url(const std::string& called, const std::string& url);

}  // namespace lockkeeper::cli::stormlock
