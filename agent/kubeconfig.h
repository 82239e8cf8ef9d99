// Kubeconfig files: what is in one, and several made into one. Pure; unknown fields are ignored. Errors are
// sentences that name file, entry and field, and show no value that could be a secret.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config_error.h"

namespace lockkeeper::agent {

// Paths are those of the file, made relative to its folder; *_data is decoded. Empty: not given.
struct KubeconfigCluster {
  std::string file;
  std::string server;
  std::string certificate_authority, certificate_authority_data;
  std::string tls_server_name;
  std::string proxy_url;
  bool insecure_skip_tls_verify = false;
  bool disable_compression = false;
  std::string exec_config;  // JSON: the extension for exec plugins
};

struct KubeconfigExec {
  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string interactive_mode;
  std::string install_hint;
  bool provide_cluster_info = false;
};

struct KubeconfigUser {
  std::string file;
  std::string token, token_file;
  std::string client_certificate, client_certificate_data;
  std::string client_key, client_key_data;
  std::string username, password;
  std::string as, as_uid;
  std::vector<std::string> as_groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> as_user_extra;
  std::string auth_provider;  // its name; "?" without one
  std::optional<KubeconfigExec> exec;
};

struct KubeconfigContext {
  std::string file;
  std::string cluster, user;
};

struct Kubeconfig {
  std::string files;  // for messages: where it comes from
  std::string current_context;
  std::map<std::string, KubeconfigContext> contexts;
  std::map<std::string, KubeconfigCluster> clusters;
  std::map<std::string, KubeconfigUser> users;
};

// `path`: of the file, for messages and for what is relative to it. Throws ConfigError.
Kubeconfig parse_kubeconfig(std::string_view text, const std::string& path);

// Entries are never mixed: whoever names a cluster, user or context first has it as a whole.
void merge_kubeconfig(Kubeconfig& earlier, Kubeconfig later);

}  // namespace lockkeeper::agent
