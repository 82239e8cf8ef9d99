// A user of a kubeconfig, checked: what of it is used to say who we are. Strings are empty when not given.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/server_settings.h"

namespace lockkeeper::agent {

struct ExecSettings {
  std::string api_version;  // client.authentication.k8s.io/v1 or /v1beta1
  std::string command;      // without a slash: looked up in PATH
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  std::optional<ServerSettings> cluster;  // provideClusterInfo: the plugin is told
  std::string cluster_config;             // of it, the extension for plugins as JSON; empty: none
};

struct UserSettings {
  std::string source;  // for messages: "user 'x' of /path" or "the service account"
  std::string token;
  std::string token_file;  // wins over `token` while it can be read
  std::string certificate_file, certificate_data;
  std::string key_file, key_data;  // files are read again when they change; data is PEM text
  std::string username, password;
  std::string as, as_uid;
  std::vector<std::string> as_groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> as_user_extra;
  std::optional<ExecSettings> exec;  // only if nothing of the above says who we are
};

}  // namespace lockkeeper::agent
