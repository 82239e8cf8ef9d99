#include "agent/kubeconfig_choice.h"

#include "agent/shown_text.h"

namespace lockkeeper::agent {

namespace {

std::string quoted(const std::string& name) {
  return "'" + shown_text(name) + "'";
}

template <class Entry>
const Entry& find(const std::map<std::string, Entry>& entries, const std::string& name, const std::string& where,
                  const char* what) {
  if (name.empty()) throw ConfigError(where + " names no " + what);
  const auto entry = entries.find(name);
  if (entry == entries.end())
    throw ConfigError(where + " names " + what + " " + quoted(name) + ", which is not there");
  return entry->second;
}

// Says what is wrong with one entry: "/path: user 'x': why".
class Check {
 public:
  Check(const std::string& file, const char* what, const std::string& name)
      : where_(file + ": " + what + " " + quoted(name) + ": ") {}
  void refuse_if(bool wrong, const std::string& why) const {
    if (wrong) throw ConfigError(where_ + why);
  }
  void either(const std::string& file, const std::string& data, const std::string& field) const {
    refuse_if(!file.empty() && !data.empty(), "both " + field + " and " + field + "-data are given");
  }

 private:
  std::string where_;
};

// Go's client takes host:port without a scheme for http, unless something else says TLS.
std::string with_scheme(const KubeconfigCluster& cluster) {
  if (cluster.server.find("://") != std::string::npos) return cluster.server;
  const bool tls = !cluster.certificate_authority.empty() || !cluster.certificate_authority_data.empty() ||
                   cluster.insecure_skip_tls_verify;
  return (tls ? "https://" : "http://") + cluster.server;
}

ServerSettings checked_server(const KubeconfigCluster& cluster, const std::string& name) {
  const Check check(cluster.file, "cluster", name);
  check.refuse_if(cluster.server.empty(), "server is missing");
  check.either(cluster.certificate_authority, cluster.certificate_authority_data, "certificate-authority");
  const bool authority = !cluster.certificate_authority.empty() || !cluster.certificate_authority_data.empty();
  check.refuse_if(cluster.insecure_skip_tls_verify && authority,
                  "insecure-skip-tls-verify and a certificate-authority contradict each other");
  ServerSettings server;
  server.url = with_scheme(cluster);
  while (server.url.ends_with('/')) server.url.pop_back();
  server.ca_file = cluster.certificate_authority;
  server.ca_data = cluster.certificate_authority_data;
  server.tls_server_name = cluster.tls_server_name;
  server.proxy_url = cluster.proxy_url;
  server.insecure_skip_tls_verify = cluster.insecure_skip_tls_verify;
  server.compression = !cluster.disable_compression;
  return server;
}

ExecSettings checked_exec(const KubeconfigExec& exec, const Check& check, bool used) {
  const std::string group = "client.authentication.k8s.io/";
  const bool v1 = exec.api_version == group + "v1";
  check.refuse_if(exec.command.empty(), "exec.command is missing");
  check.refuse_if(exec.api_version.empty(), "exec.apiVersion is missing");
  for (const auto& [name, value] : exec.env) {
    check.refuse_if(name.empty() || name.find('=') != std::string::npos,
                    "exec.env holds a variable without a name");
    check.refuse_if((name + value).find('\0') != std::string::npos, "exec.env holds a NUL byte");
  }
  check.refuse_if(
      used && !v1 && exec.api_version != group + "v1beta1",
      "exec.apiVersion is " + quoted(exec.api_version) + ": only " + group + "v1 and v1beta1 are known");
  const std::string& mode = exec.interactive_mode;
  check.refuse_if(v1 && mode.empty(), "exec.interactiveMode is missing, which apiVersion v1 requires");
  check.refuse_if(!mode.empty() && mode != "Never" && mode != "IfAvailable" && mode != "Always",
                  "exec.interactiveMode is " + quoted(mode) + ", not Never, IfAvailable or Always");
  check.refuse_if(used && mode == "Always", "exec.interactiveMode is Always: an agent has nobody to ask");
  return {.api_version = exec.api_version,
          .command = exec.command,
          .args = exec.args,
          .env = exec.env,
          .install_hint = exec.install_hint,
          .cluster = {},
          .cluster_config = {}};
}

void check_methods(const KubeconfigUser& user, const Check& check) {
  check.refuse_if(!user.auth_provider.empty() && user.exec,
                  "auth-provider and exec are both given; auth-provider is not supported, take it out");
  check.refuse_if(!user.auth_provider.empty(),
                  "auth-provider (" + shown_text(user.auth_provider) +
                      ") is not supported: use exec, with a plugin that gives a token");
  const bool basic = !user.username.empty() || !user.password.empty();
  const bool token = !user.token.empty() || !user.token_file.empty();
  check.refuse_if(basic && token, "both a token and a username or password are given");
  check.refuse_if(basic && user.username.empty(), "password is given without username");
  check.either(user.client_certificate, user.client_certificate_data, "client-certificate");
  check.either(user.client_key, user.client_key_data, "client-key");
  const bool certificate = !user.client_certificate.empty() || !user.client_certificate_data.empty();
  const bool key = !user.client_key.empty() || !user.client_key_data.empty();
  check.refuse_if(certificate && !key, "client-certificate is given without client-key");
  check.refuse_if(key && !certificate, "client-key is given without client-certificate");
  check.refuse_if(
      user.as.empty() && (!user.as_uid.empty() || !user.as_groups.empty() || !user.as_user_extra.empty()),
      "as-uid, as-groups and as-user-extra need as");
}

UserSettings checked_user(const KubeconfigUser& user, const std::string& name) {
  const Check check(user.file, "user", name);
  check_methods(user, check);
  UserSettings settings;
  settings.source = user.file + ": user " + quoted(name);
  settings.token = user.token;
  settings.token_file = user.token_file;
  settings.certificate_file = user.client_certificate;
  settings.certificate_data = user.client_certificate_data;
  settings.key_file = user.client_key;
  settings.key_data = user.client_key_data;
  settings.username = user.username;
  settings.password = user.password;
  settings.as = user.as;
  settings.as_uid = user.as_uid;
  settings.as_groups = user.as_groups;
  settings.as_user_extra = user.as_user_extra;
  if (user.exec) {
    const bool said = !user.token.empty() || !user.token_file.empty() || !user.username.empty() ||
                      !user.client_certificate.empty() || !user.client_certificate_data.empty();
    ExecSettings exec = checked_exec(*user.exec, check, !said);
    if (!said) settings.exec = std::move(exec);
  }
  return settings;
}

}  // namespace

ChosenContext choose_context(const Kubeconfig& config, const std::string& context) {
  const std::string& name = context.empty() ? config.current_context : context;
  if (name.empty()) throw ConfigError(config.files + ": current-context is missing");
  const auto chosen = config.contexts.find(name);
  if (chosen == config.contexts.end()) {
    throw ConfigError(config.files + ": " + (context.empty() ? "current-context names " : "there is no ") +
                      "context " + quoted(name) + (context.empty() ? ", which is not there" : ""));
  }
  const std::string where = chosen->second.file + ": context " + quoted(name);
  const KubeconfigCluster& cluster = find(config.clusters, chosen->second.cluster, where, "cluster");
  const KubeconfigUser& user = find(config.users, chosen->second.user, where, "user");

  ChosenContext result;
  result.source = "context " + quoted(name) + " of " + chosen->second.file;
  result.server = checked_server(cluster, chosen->second.cluster);
  const std::string fault = fault_of(result.server);
  Check(cluster.file, "cluster", chosen->second.cluster).refuse_if(!fault.empty(), fault);
  result.user = checked_user(user, chosen->second.user);
  if (result.user.exec && user.exec->provide_cluster_info) {
    result.user.exec->cluster = result.server;
    result.user.exec->cluster_config = cluster.exec_config;
  }
  return result;
}

}  // namespace lockkeeper::agent
