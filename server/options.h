// What the server is told by flags, by its environment and by a file, in that order of precedence.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "http/listener.h"
#include "server/doors/doors.h"
#include "server/log.h"

namespace lockkeeper::server {

struct Options {
  std::string locker_config;  // as the original's LOCKER_CONFIG
  std::string store;          // "sqlite:PATH", "memory:", "SCHEME://..." (may be secret); instead of locker_config
  std::vector<http::Endpoint> endpoints;    // of the main listener
  std::map<std::string, DoorChoice> doors;  // by name; those that no option speaks of are not in it
  std::vector<http::Endpoint> grpc;         // --door lockd-grpc
  std::string auth_user, auth_pass;         // both or none
  std::string ssl_cert, ssl_key;            // files; both or none
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
  std::string port_file;
  http::ListenerSettings http;  // without endpoints and TLS
  engine::Settings engine;      // without change_prefix
  std::chrono::milliseconds shutdown_grace = std::chrono::seconds(10);
};

// The process is to say this and end.
struct Farewell {
  int code = 0;
  std::string out, err;
};

using Environment = std::map<std::string, std::string>;

// `ipv6`: whether the machine has it. `cores` decides how many I/O threads there are unless told otherwise.
struct Machine {
  bool ipv6 = false;
  unsigned cores = 1;
};

std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments,
                                             const Environment& environment, const Machine& machine);

// Where to listen (DESIGN: Security): what --listen says; else everywhere when there are credentials, as the
// original; else loopback only.
std::vector<http::Endpoint> endpoints(const std::vector<http::Endpoint>& listen, bool credentials,
                                      std::uint16_t port, bool ipv6);

}  // namespace lockkeeper::server
