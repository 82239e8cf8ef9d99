#include "agent/cluster_access.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "agent/in_cluster.h"
#include "agent/kubeconfig_choice.h"
#include "agent/small_file.h"

namespace lockkeeper::agent {

namespace {

Kubeconfig read_kubeconfig(const std::string& path) {
  return parse_kubeconfig(read_small_file(path), path);
}

// KUBECONFIG's list: what is there twice or not there at all is skipped.
Kubeconfig read_list(const std::string& list) {
  std::vector<std::string> read;
  Kubeconfig merged;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    const std::string path = list.substr(begin, end - begin);
    begin = end + 1;
    if (path.empty() || std::find(read.begin(), read.end(), path) != read.end()) continue;
    if (is_missing(path)) continue;
    read.push_back(path);
    merge_kubeconfig(merged, read_kubeconfig(path));
  }
  if (read.empty()) throw ConfigError("KUBECONFIG names no file that is there: " + list);
  return merged;
}

ChosenContext choose(const AccessOptions& options, const Surroundings& surroundings) {
  if (!options.kubeconfig.empty()) return choose_context(read_kubeconfig(options.kubeconfig), options.context);
  const std::string list = surroundings.environment("KUBECONFIG");
  if (!list.empty()) return choose_context(read_list(list), options.context);
  if (in_cluster(surroundings)) return service_account(surroundings);
  const std::string home = surroundings.environment("HOME");
  const std::string usual = home + "/.kube/config";
  if (!home.empty() && is_file(usual)) return choose_context(read_kubeconfig(usual), options.context);
  throw ConfigError(
      "no cluster is given: neither --kubeconfig nor KUBECONFIG is set, this is no pod with a service "
      "account (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and " +
      surroundings.service_account + "/token), and there is no " +
      (home.empty() ? std::string("~/.kube/config") : usual));
}

}  // namespace

ClusterAccess find_cluster(const AccessOptions& options, const Surroundings& surroundings) {
  ChosenContext chosen = choose(options, surroundings);
  if (!chosen.server.https()) {
    surroundings.log(chosen.source + ": its server is not https, so no credentials are sent to it");
  }
  if (chosen.server.insecure_skip_tls_verify) {
    surroundings.log(chosen.source +
                     ": insecure-skip-tls-verify is set: anybody in between could be the API server");
  }
  ClusterAccess access;
  access.source = std::move(chosen.source);
  access.server = std::move(chosen.server);
  access.credentials = std::make_shared<Credentials>(std::move(chosen.user), surroundings);
  return access;
}

}  // namespace lockkeeper::agent
