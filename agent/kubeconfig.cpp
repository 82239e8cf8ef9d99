#include "agent/kubeconfig.h"

#include <filesystem>

#include "agent/base64.h"
#include "agent/shown_text.h"
#include "agent/yaml_tree.h"

namespace lockkeeper::agent {

namespace {

using Kind = YamlNode::Kind;

// One map of the file, and how its fields are called in messages: "/x/config: user 'a': exec.".
class Fields {
 public:
  Fields(const YamlNode& map, std::string where, std::string folder)
      : map_(map), where_(std::move(where)), folder_(std::move(folder)) {}

  [[noreturn]] void refuse(const std::string& field, const std::string& why) const {
    throw ConfigError(where_ + field + " " + why);
  }

  std::string text(const char* field) const {
    const YamlNode* value = map_.find(field);
    if (!value) return {};
    if (value->kind != Kind::scalar) refuse(field, "is not a text");
    return value->text;
  }

  std::string path(const char* field) const {
    const std::string text = this->text(field);
    return text.empty() ? text : (std::filesystem::path(folder_) / text).string();
  }

  std::string data(const char* field) const {
    const auto bytes = decode_base64(text(field));
    if (!bytes) refuse(field, "is not base64");
    return *bytes;
  }

  bool flag(const char* field) const {
    const YamlNode* value = map_.find(field);
    if (!value) return false;
    if (value->kind == Kind::scalar && value->plain) {
      for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
        if (value->text == yes) return true;
      }
      for (const char* no : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
        if (value->text == no) return false;
      }
    }
    refuse(field, "is neither true nor false");
  }

  std::vector<std::string> texts(const char* field) const {
    std::vector<std::string> all;
    for (const YamlNode& item : list(field)) {
      if (item.kind != Kind::scalar) refuse(field, "holds something that is not a text");
      all.push_back(item.text);
    }
    return all;
  }

  // Empty: not there.
  const std::vector<YamlNode>& list(const char* field) const {
    static const std::vector<YamlNode> none;
    const YamlNode* value = map_.find(field);
    if (!value) return none;
    if (value->kind != Kind::list) refuse(field, "is not a list");
    return value->items;
  }

  // Nothing: not there.
  std::optional<Fields> map(const char* field) const {
    const YamlNode* value = map_.find(field);
    if (!value) return std::nullopt;
    return within(*value, field);
  }
  Fields within(const YamlNode& value, const char* field) const {
    if (value.kind != Kind::map) refuse(field, "is not a map");
    return Fields(value, where_ + field + ".", folder_);
  }

  const YamlNode& node() const { return map_; }
  const std::string& folder() const { return folder_; }

 private:
  const YamlNode& map_;
  std::string where_;
  std::string folder_;
};

KubeconfigContext read_context(const Fields& fields) {
  return {.cluster = fields.text("cluster"), .user = fields.text("user")};
}

std::string read_exec_config(const Fields& fields) {
  std::string config;
  for (const YamlNode& item : fields.list("extensions")) {
    const Fields extension = fields.within(item, "extensions");
    if (extension.text("name") != "client.authentication.k8s.io/exec") continue;
    if (const YamlNode* content = item.find("extension")) config = to_json(*content);
  }
  return config;
}

KubeconfigCluster read_cluster(const Fields& fields) {
  KubeconfigCluster cluster;
  cluster.server = fields.text("server");
  cluster.certificate_authority = fields.path("certificate-authority");
  cluster.certificate_authority_data = fields.data("certificate-authority-data");
  cluster.tls_server_name = fields.text("tls-server-name");
  cluster.proxy_url = fields.text("proxy-url");
  cluster.insecure_skip_tls_verify = fields.flag("insecure-skip-tls-verify");
  cluster.disable_compression = fields.flag("disable-compression");
  cluster.exec_config = read_exec_config(fields);
  return cluster;
}

KubeconfigExec read_exec(const Fields& fields) {
  KubeconfigExec exec;
  exec.api_version = fields.text("apiVersion");
  exec.command = fields.text("command");
  // A bare name is looked up in PATH.
  if (exec.command.find('/') != std::string::npos) exec.command = fields.path("command");
  exec.args = fields.texts("args");
  for (const YamlNode& item : fields.list("env")) {
    const Fields variable = fields.within(item, "env");
    exec.env.emplace_back(variable.text("name"), variable.text("value"));
  }
  exec.interactive_mode = fields.text("interactiveMode");
  exec.install_hint = fields.text("installHint");
  exec.provide_cluster_info = fields.flag("provideClusterInfo");
  return exec;
}

KubeconfigUser read_user(const Fields& fields) {
  KubeconfigUser user;
  user.token = fields.text("token");
  user.token_file = fields.path("tokenFile");
  user.client_certificate = fields.path("client-certificate");
  user.client_certificate_data = fields.data("client-certificate-data");
  user.client_key = fields.path("client-key");
  user.client_key_data = fields.data("client-key-data");
  user.username = fields.text("username");
  user.password = fields.text("password");
  user.as = fields.text("as");
  user.as_uid = fields.text("as-uid");
  user.as_groups = fields.texts("as-groups");
  if (const auto extra = fields.map("as-user-extra")) {
    for (const auto& [key, values] : extra->node().members) {
      user.as_user_extra.emplace_back(key, extra->texts(key.c_str()));
    }
  }
  if (const auto provider = fields.map("auth-provider")) {
    const std::string name = provider->text("name");
    user.auth_provider = name.empty() ? "?" : name;
  }
  if (const auto exec = fields.map("exec")) user.exec = read_exec(*exec);
  return user;
}

// `[{name: .., <what>: {..}}, ..]`
template <class Entry>
std::map<std::string, Entry> read_entries(const Fields& top, const char* field, const char* what,
                                          const std::string& path, Entry (*read)(const Fields&)) {
  std::map<std::string, Entry> entries;
  for (const YamlNode& item : top.list(field)) {
    const Fields named = top.within(item, field);
    const std::string name = named.text("name");
    const std::string where = path + ": " + what + " '" + shown_text(name) + "'";
    static const YamlNode none{.kind = Kind::map};
    const YamlNode* content = item.find(what);
    if (content && content->kind != Kind::map) throw ConfigError(where + " is not a map");
    Entry entry = read(Fields(content ? *content : none, where + ": ", top.folder()));
    entry.file = path;
    if (!entries.emplace(name, std::move(entry)).second) throw ConfigError(where + " is there twice");
  }
  return entries;
}

}  // namespace

Kubeconfig parse_kubeconfig(std::string_view text, const std::string& path) {
  YamlNode root;
  try {
    root = parse_yaml(text);
  } catch (const YamlError& error) {
    throw ConfigError(path + " cannot be read as a kubeconfig: " + error.what());
  }
  Kubeconfig config;
  config.files = path;
  if (root.kind == Kind::null) return config;
  if (root.kind != Kind::map) throw ConfigError(path + " is not a kubeconfig: not a map");

  const Fields top(root, path + ": ", std::filesystem::path(path).parent_path().string());
  const std::string kind = top.text("kind");
  const std::string version = top.text("apiVersion");
  if (!kind.empty() && kind != "Config") top.refuse("kind", "is '" + shown_text(kind) + "', not Config");
  if (!version.empty() && version != "v1") top.refuse("apiVersion", "is '" + shown_text(version) + "', not v1");
  config.current_context = top.text("current-context");
  config.contexts = read_entries<KubeconfigContext>(top, "contexts", "context", path, read_context);
  config.clusters = read_entries<KubeconfigCluster>(top, "clusters", "cluster", path, read_cluster);
  config.users = read_entries<KubeconfigUser>(top, "users", "user", path, read_user);
  return config;
}

void merge_kubeconfig(Kubeconfig& earlier, Kubeconfig later) {
  earlier.files += (earlier.files.empty() ? "" : ":") + later.files;
  if (earlier.current_context.empty()) earlier.current_context = later.current_context;
  earlier.contexts.merge(later.contexts);
  earlier.clusters.merge(later.clusters);
  earlier.users.merge(later.users);
}

}  // namespace lockkeeper::agent
