#include "agent/in_cluster.h"

#include "agent/small_file.h"

namespace lockkeeper::agent {

namespace {

constexpr const char* host_variable = "KUBERNETES_SERVICE_HOST";
constexpr const char* port_variable = "KUBERNETES_SERVICE_PORT";

}  // namespace

bool in_cluster(const Surroundings& surroundings) {
  return !surroundings.environment(host_variable).empty() && !surroundings.environment(port_variable).empty() &&
         is_file(surroundings.service_account + "/token");
}

ChosenContext service_account(const Surroundings& surroundings) {
  const std::string host = surroundings.environment(host_variable);
  const bool bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  ChosenContext chosen;
  chosen.source = "the service account of this pod";
  chosen.server.url =
      "https://" + (bare_ipv6 ? "[" + host + "]" : host) + ":" + surroundings.environment(port_variable);
  if (!fault_of(chosen.server).empty()) {
    throw ConfigError(std::string(host_variable) + " and " + port_variable + " make no URL");
  }
  const std::string authority = surroundings.service_account + "/ca.crt";
  if (is_file(authority)) {
    chosen.server.ca_file = authority;
  } else {
    surroundings.log(authority +
                     " is not there: the API server's certificate is checked against the system's roots");
  }
  chosen.user.source = chosen.source;
  chosen.user.token_file = surroundings.service_account + "/token";
  return chosen;
}

}  // namespace lockkeeper::agent
