// Which cluster, and as whom: the --kubeconfig file, else KUBECONFIG's list, else the pod's service account, else
// ~/.kube/config.
#pragma once

#include <memory>
#include <string>

#include "agent/config_error.h"
#include "agent/endpoint.h"
#include "agent/surroundings.h"

namespace lockkeeper::agent {

struct AccessOptions {
  std::string kubeconfig;  // --kubeconfig: one file, which must exist; empty: not given
  std::string context;     // empty: the file's current-context
};

struct ClusterAccess {
  std::string source;  // for the log: "context 'x' of /path" or "the service account of this pod"
  ServerSettings server;
  std::shared_ptr<Credentials> credentials;
};

// Throws ConfigError.
ClusterAccess find_cluster(const AccessOptions& options, const Surroundings& surroundings);

}  // namespace lockkeeper::agent
