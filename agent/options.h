// What lockagt is told by flags and by its environment.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/kubernetes_route.h"
#include "agent/log.h"
#include "http/listener.h"

namespace lockkeeper::agent {

struct Options {
  std::string api_endpoint;          // the workflow door's URL
  std::string api_ca;                // a file
  std::string auth_user, auth_pass;  // LOCK_AUTH_USER, LOCK_AUTH_PASS
  std::string kubeconfig, context;
  Verb verb = Verb::patch;
  std::string argo_server, argo_ca, argo_token_file;
  std::string argo_token;  // ARGO_TOKEN, without "Bearer "
  bool argo_insecure = false;
  std::size_t workers = 8;
  std::chrono::milliseconds poll = std::chrono::seconds(25);
  std::chrono::milliseconds give_up_after = std::chrono::hours(24);
  std::string mark_domain = "lockkeeper.dev";
  std::string leader_lock = "lockagt-leader";
  std::chrono::milliseconds leader_ttl = std::chrono::seconds(15);
  bool alone = false;
  std::optional<http::Endpoint> listen;
  std::string port_file;
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
};

// The process is to say this and end.
struct Farewell {
  int code = 0;
  std::string out, err;
};

// `environment`: empty when not set.
std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments,
                                             const std::function<std::string(const char*)>& environment);

// Where the native API is: ".../workflow" is its neighbour ".../native", any other URL has it below.
std::string native_api(const std::string& workflow_door);

}  // namespace lockkeeper::agent
