// The service account that Kubernetes gives to a pod.
#pragma once

#include "agent/kubeconfig_choice.h"
#include "agent/surroundings.h"

namespace lockkeeper::agent {

// Both variables are set, and there is a token.
bool in_cluster(const Surroundings& surroundings);

// Throws ConfigError. Without ca.crt: the system's roots, and a line in the log.
ChosenContext service_account(const Surroundings& surroundings);

}  // namespace lockkeeper::agent
