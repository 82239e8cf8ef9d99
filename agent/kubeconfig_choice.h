// One context of a kubeconfig, checked: which server, and as whom. Pure.
#pragma once

#include <string>

#include "agent/kubeconfig.h"
#include "agent/server_settings.h"
#include "agent/user_settings.h"

namespace lockkeeper::agent {

struct ChosenContext {
  std::string source;  // "context 'x' of /path"
  ServerSettings server;
  UserSettings user;
};

// `context` empty: the current one. Throws ConfigError.
ChosenContext choose_context(const Kubeconfig& config, const std::string& context);

}  // namespace lockkeeper::agent
