// Kubeconfig files: read, made into one, and one context of them chosen.
#include "agent/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "agent/base64.h"
#include "agent/kubeconfig_choice.h"
#include "agent/yaml_tree.h"

namespace lockkeeper::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

const std::string whole = R"(apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: here
contexts:
- name: here
  context: {cluster: c, user: u, namespace: ignored}
clusters:
- name: c
  cluster:
    server: https://api.test:6443/prefix
    certificate-authority: ca.pem
    tls-server-name: kubernetes.default
    proxy-url: socks5://proxy.test:1080
    disable-compression: true
    extensions:
    - name: other
      extension: 1
    - name: client.authentication.k8s.io/exec
      extension: {audience: a b, retries: 3, zones: [x, "1", 007, null, true, 1.5e3]}
users:
- name: u
  user:
    token: t0ken
    tokenFile: secrets/token
    client-certificate: /abs/cert.pem
    client-key: ../key.pem
    username: name
    password: "123"
    as: boss
    as-uid: "7"
    as-groups: [g1, g2]
    as-user-extra:
      reason: [r1, r2]
    unknown: {a: [b]}
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: bin/plugin
      args: [--one, two]
      env:
      - {name: A, value: b}
      interactiveMode: Never
      provideClusterInfo: true
      installHint: get it there
)";

std::string fault(const std::function<void()>& action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no ConfigError";
  return "";
}
std::string parse_fault(const std::string& text) {
  return fault([&] { parse_kubeconfig(text, "/home/me/config"); });
}

TEST(Kubeconfig, ReadsEveryFieldAndResolvesPathsAgainstItsFolder) {
  const Kubeconfig config = parse_kubeconfig(whole, "/home/me/config");
  EXPECT_EQ(config.current_context, "here");
  EXPECT_EQ(config.contexts.at("here").cluster, "c");
  EXPECT_EQ(config.contexts.at("here").user, "u");

  const KubeconfigCluster& cluster = config.clusters.at("c");
  EXPECT_EQ(cluster.file, "/home/me/config");
  EXPECT_EQ(cluster.server, "https://api.test:6443/prefix");
  EXPECT_EQ(cluster.certificate_authority, "/home/me/ca.pem");
  EXPECT_EQ(cluster.tls_server_name, "kubernetes.default");
  EXPECT_EQ(cluster.proxy_url, "socks5://proxy.test:1080");
  EXPECT_TRUE(cluster.disable_compression);
  EXPECT_FALSE(cluster.insecure_skip_tls_verify);
  EXPECT_EQ(cluster.exec_config, R"({"audience":"a b","retries":3,"zones":["x","1","007",null,true,1.5e3]})");

  const KubeconfigUser& user = config.users.at("u");
  EXPECT_EQ(user.token, "t0ken");
  EXPECT_EQ(user.token_file, "/home/me/secrets/token");
  EXPECT_EQ(user.client_certificate, "/abs/cert.pem");
  EXPECT_EQ(user.client_key, "/home/me/../key.pem");
  EXPECT_EQ(user.username, "name");
  EXPECT_EQ(user.password, "123");
  EXPECT_EQ(user.as, "boss");
  EXPECT_EQ(user.as_uid, "7");
  EXPECT_THAT(user.as_groups, ElementsAre("g1", "g2"));
  EXPECT_THAT(user.as_user_extra, ElementsAre(Pair("reason", ElementsAre("r1", "r2"))));
  EXPECT_EQ(user.auth_provider, "");
  ASSERT_TRUE(user.exec);
  EXPECT_EQ(user.exec->api_version, "client.authentication.k8s.io/v1");
  EXPECT_EQ(user.exec->command, "/home/me/bin/plugin");
  EXPECT_THAT(user.exec->args, ElementsAre("--one", "two"));
  EXPECT_THAT(user.exec->env, ElementsAre(Pair("A", "b")));
  EXPECT_EQ(user.exec->interactive_mode, "Never");
  EXPECT_TRUE(user.exec->provide_cluster_info);
  EXPECT_EQ(user.exec->install_hint, "get it there");
}

TEST(Kubeconfig, ReadsJsonToo) {
  const Kubeconfig config = parse_kubeconfig(
      "{\n\t\"kind\": \"Config\", \"current-context\": \"a\\u00e4\\/\",\n\t\"clusters\": [\n\t\t{\"name\": \"c\", "
      "\"cluster\": {\"server\": \"https:\\/\\/x\", \"insecure-skip-tls-verify\": true}}], \"users\": null}",
      "config");
  EXPECT_EQ(config.current_context, "a\xC3\xA4/");
  EXPECT_EQ(config.clusters.at("c").server, "https://x");
  EXPECT_TRUE(config.clusters.at("c").insecure_skip_tls_verify);
  EXPECT_TRUE(config.users.empty());
}

TEST(Kubeconfig, AnEmptyFileIsOneWithoutEntries) {
  for (const char* text : {"", "# nothing\n", "---\n", "{}", "null"}) {
    EXPECT_TRUE(parse_kubeconfig(text, "config").contexts.empty()) << text;
  }
}

TEST(Kubeconfig, ACommandWithoutASlashIsLeftForPath) {
  const std::string text = "users: [{name: u, user: {exec: {command: plugin}}}]";
  EXPECT_EQ(parse_kubeconfig(text, "/home/me/config").users.at("u").exec->command, "plugin");
}

TEST(Kubeconfig, DataIsBase64) {
  const Kubeconfig config = parse_kubeconfig(
      "clusters: [{name: c, cluster: {certificate-authority-data: QUJD}}]\n"
      "users: [{name: u, user: {client-certificate-data: \"QU\\nI=\", client-key-data: QQ==}}]",
      "config");
  EXPECT_EQ(config.clusters.at("c").certificate_authority_data, "ABC");
  EXPECT_EQ(config.users.at("u").client_certificate_data, "AB");
  EXPECT_EQ(config.users.at("u").client_key_data, "A");
  for (const char* wrong : {"secret", "secret!=", "QQ=", "Q===", "====", "QQ==QQ==", "QQ=A"}) {
    EXPECT_EQ(parse_fault(std::string("users: [{name: u, user: {client-key-data: '") + wrong + "'}}]"),
              "/home/me/config: user 'u': client-key-data is not base64")
        << wrong;
  }
}

TEST(Kubeconfig, AFaultNamesFileEntryAndFieldAndShowsNoValue) {
  const std::pair<const char*, const char*> cases[] = {
      {"[secret]", " is not a kubeconfig: not a map"},
      {"kind: Pod", ": kind is 'Pod', not Config"},
      {"apiVersion: v2", ": apiVersion is 'v2', not v1"},
      {"users: secret", ": users is not a list"},
      {"users: [secret]", ": users is not a map"},
      {"users: [{name: u, user: secret}]", ": user 'u' is not a map"},
      {"users: [{name: u, user: {token: [secret]}}]", ": user 'u': token is not a text"},
      {"users: [{name: u, user: {as-groups: secret}}]", ": user 'u': as-groups is not a list"},
      {"users: [{name: u, user: {exec: secret}}]", ": user 'u': exec is not a map"},
      {"users: [{name: u, user: {exec: {args: [[secret]]}}}]",
       ": user 'u': exec.args holds something that is not a text"},
      {"users: [{name: u, user: {exec: {provideClusterInfo: 'true'}}}]",
       ": user 'u': exec.provideClusterInfo is neither true nor false"},
      {"clusters: [{name: c, cluster: {insecure-skip-tls-verify: secret}}]",
       ": cluster 'c': insecure-skip-tls-verify is neither true nor false"},
      {"users: [{name: u, user: {token: secret}}, {name: u, user: {token: secret}}]", ": user 'u' is there twice"},
      {"users:\n- {name: u, user: {token: secret]}}",
       " cannot be read as a kubeconfig: neither YAML nor JSON (line 2"},
      {"users: {secret", " cannot be read as a kubeconfig: "},
      {"users: *secret", " cannot be read as a kubeconfig: neither YAML nor JSON (line 1"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(parse_fault(text), StartsWith(std::string("/home/me/config") + expected)) << text;
    EXPECT_THAT(parse_fault(text), Not(HasSubstr("secret"))) << text;
  }
}

TEST(Kubeconfig, AliasesAreCopies) {
  const Kubeconfig config = parse_kubeconfig(
      "clusters:\n- {name: a, cluster: &it {server: https://one}}\n- {name: b, cluster: *it}\n", "config");
  EXPECT_EQ(config.clusters.at("b").server, "https://one");
}

TEST(Kubeconfig, HostileTextsAreRefusedAndNotBuilt) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + ", " + before +
              ", " + before + ", " + before + ", " + before + ", " + before + ", " + before + "]\n";
  }
  EXPECT_THAT(parse_fault(laughs), HasSubstr("aliases blow it up"));
  std::string large = "a: &a " + std::string(500'000, 'x') + "\nb: [";
  for (int i = 0; i < 20; ++i) large += "*a, ";
  EXPECT_THAT(parse_fault(large + "]"), HasSubstr("aliases blow it up"));
  EXPECT_THAT(parse_fault("a: &a [*a]"), HasSubstr("an alias refers to what it is a part of"));
  EXPECT_THAT(parse_fault(std::string(1000, '[') + std::string(1000, ']')), HasSubstr("nested too deeply"));
  EXPECT_THAT(parse_fault(std::string(100'000, '[')), HasSubstr("cannot be read"));
  EXPECT_THAT(parse_fault("a: &a [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[[[*a]]]]]]]]]]]]]]"),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(parse_fault(std::string(kMostYamlBytes + 1, ' ')), HasSubstr("longer than"));
  EXPECT_THAT(parse_fault("a: [" + std::string(300'000, ',') + "]"), HasSubstr("cannot be read"));
  std::string many = "a: [";
  for (int i = 0; i < 100'001; ++i) many += "1,";
  EXPECT_THAT(parse_fault(many + "]"), HasSubstr("more than 100000 values"));
  EXPECT_THAT(parse_fault("? [a]\n: b"), HasSubstr("a key that is not a text"));
  EXPECT_THAT(parse_fault("b: &b {x: 1}\na: {<<: *b}"), HasSubstr("a merge key (<<)"));
}

TEST(Kubeconfig, WhoNamesAnEntryFirstHasItAsAWhole) {
  Kubeconfig merged = parse_kubeconfig(
      "clusters: [{name: c, cluster: {server: https://one}}]\nusers: [{name: u, user: {token: one}}]", "/1/config");
  merge_kubeconfig(merged,
                   parse_kubeconfig("current-context: second\n"
                                    "clusters: [{name: c, cluster: {server: https://two, tls-server-name: two}},"
                                    " {name: d, cluster: {server: https://two, certificate-authority: ca}}]\n"
                                    "contexts: [{name: second, context: {cluster: d, user: u}}]",
                                    "/2/config"));
  merge_kubeconfig(merged, parse_kubeconfig("current-context: third\n"
                                            "contexts: [{name: second, context: {cluster: x, user: x}}]",
                                            "/3/config"));
  EXPECT_EQ(merged.current_context, "second");
  EXPECT_EQ(merged.clusters.at("c").server, "https://one");
  EXPECT_EQ(merged.clusters.at("c").tls_server_name, "");
  EXPECT_EQ(merged.clusters.at("d").certificate_authority, "/2/ca");

  const ChosenContext chosen = choose_context(merged, "");
  EXPECT_EQ(chosen.source, "context 'second' of /2/config");
  EXPECT_EQ(chosen.server.url, "https://two");
  EXPECT_EQ(chosen.user.token, "one");
  EXPECT_EQ(chosen.user.source, "/1/config: user 'u'");
}

// A context `c` of one cluster and one user, each from its fields.
ChosenContext choose(const std::string& cluster, const std::string& user, const std::string& context = "") {
  return choose_context(parse_kubeconfig("current-context: c\n"
                                         "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
                                         "clusters: [{name: c, cluster: {" +
                                             cluster +
                                             "}}]\n"
                                             "users: [{name: u, user: {" +
                                             user + "}}]\n",
                                         "/home/me/config"),
                        context);
}
std::string cluster_fault(const std::string& cluster) {
  return fault([&] { choose(cluster, "token: t"); });
}
std::string user_fault(const std::string& user) {
  return fault([&] { choose("server: https://x", user); });
}

TEST(ChooseContext, MissingAndDanglingNamesAreFaults) {
  const auto fault_of = [](const std::string& text, const std::string& context = "") {
    return fault([&] { choose_context(parse_kubeconfig(text, "/f"), context); });
  };
  EXPECT_EQ(fault_of(""), "/f: current-context is missing");
  EXPECT_EQ(fault_of("current-context: a"), "/f: current-context names context 'a', which is not there");
  EXPECT_EQ(fault_of("current-context: a", "b"), "/f: there is no context 'b'");
  EXPECT_EQ(fault_of("contexts: [{name: a, context: {user: u}}]", "a"), "/f: context 'a' names no cluster");
  EXPECT_EQ(fault_of("contexts: [{name: a, context: {user: u, cluster: c}}]", "a"),
            "/f: context 'a' names cluster 'c', which is not there");
  EXPECT_EQ(fault_of("contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c}]", "a"),
            "/f: context 'a' names no user");
  EXPECT_EQ(fault_of("contexts: [{name: a, context: {user: u, cluster: c}}]\nclusters: [{name: c}]", "a"),
            "/f: context 'a' names user 'u', which is not there");
}

TEST(ChooseContext, TheGivenContextComesBeforeTheCurrentOne) {
  const Kubeconfig config = parse_kubeconfig(
      "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}, {name: b, context: {cluster: d, "
      "user: "
      "u}}]\nclusters: [{name: c, cluster: {server: https://c}}, {name: d, cluster: {server: https://d}}]\n"
      "users: [{name: u}]",
      "/f");
  EXPECT_EQ(choose_context(config, "").server.url, "https://c");
  EXPECT_EQ(choose_context(config, "b").server.url, "https://d");
}

TEST(ChooseContext, AServerKeepsItsPrefixAndGetsASchemeWhenItHasNone) {
  EXPECT_EQ(choose("server: https://x:1/k8s/clusters/c-1/", "token: t").server.url, "https://x:1/k8s/clusters/c-1");
  EXPECT_EQ(choose("server: 'x.test:8080'", "token: t").server.url, "http://x.test:8080");
  EXPECT_FALSE(choose("server: 'x.test:8080'", "token: t").server.https());
  EXPECT_EQ(choose("server: 'x.test:8080', certificate-authority: ca", "token: t").server.url,
            "https://x.test:8080");
  EXPECT_TRUE(choose("server: 'HTTPS://x.test'", "token: t").server.https());
  EXPECT_TRUE(choose("server: 'https://x'", "token: t").server.compression);
  EXPECT_FALSE(choose("server: 'https://x', disable-compression: true", "token: t").server.compression);
}

TEST(ChooseContext, ClustersThatContradictThemselvesAreFaults) {
  const std::string where = "/home/me/config: cluster 'c': ";
  EXPECT_EQ(cluster_fault(""), where + "server is missing");
  EXPECT_EQ(cluster_fault("server: https://x, certificate-authority: f, certificate-authority-data: QQ=="),
            where + "both certificate-authority and certificate-authority-data are given");
  for (const char* authority : {"certificate-authority: f", "certificate-authority-data: QQ=="}) {
    EXPECT_EQ(cluster_fault(std::string("server: https://x, insecure-skip-tls-verify: true, ") + authority),
              where + "insecure-skip-tls-verify and a certificate-authority contradict each other");
  }
  EXPECT_EQ(cluster_fault("server: 'https://me:secret@x'"), where + "server holds a user name or password");
  EXPECT_THAT(cluster_fault("server: 'https://x/?secret=1'"), StartsWith(where + "server cannot be used: "));
  EXPECT_THAT(cluster_fault("server: 'ftp://x'"), StartsWith(where + "server cannot be used: "));
  EXPECT_THAT(cluster_fault("server: 'https://x', proxy-url: 'ftp://me:secret@p'"),
              AllOf(StartsWith(where + "proxy-url cannot be used: "), Not(HasSubstr("secret"))));
  EXPECT_THAT(cluster_fault("server: 'https://x', proxy-url: 'secret.test:80'"),
              AllOf(StartsWith(where + "proxy-url cannot be used: "), Not(HasSubstr("secret"))));
  EXPECT_THAT(cluster_fault("server: 'https://x', proxy-url: 'http://'"),
              StartsWith(where + "proxy-url cannot be used: "));
  for (const char* proxy : {"http://p", "https://me:secret@p:1", "socks5://p:1080"}) {
    EXPECT_EQ(choose(std::string("server: https://x, proxy-url: '") + proxy + "'", "").server.proxy_url, proxy);
  }
}

TEST(ChooseContext, UsersThatContradictThemselvesAreFaults) {
  const std::string where = "/home/me/config: user 'u': ";
  const std::string both_ways = where + "both a token and a username or password are given";
  EXPECT_EQ(user_fault("token: secret, username: me"), both_ways);
  EXPECT_EQ(user_fault("tokenFile: secret, password: secret"), both_ways);
  EXPECT_EQ(user_fault("password: secret"), where + "password is given without username");
  EXPECT_EQ(user_fault("client-certificate: f, client-key: f, client-certificate-data: QQ=="),
            where + "both client-certificate and client-certificate-data are given");
  EXPECT_EQ(user_fault("client-certificate: f, client-key: f, client-key-data: QQ=="),
            where + "both client-key and client-key-data are given");
  EXPECT_EQ(user_fault("client-certificate: f"), where + "client-certificate is given without client-key");
  EXPECT_EQ(user_fault("client-key-data: QQ=="), where + "client-key is given without client-certificate");
  for (const char* alone : {"as-uid: '1'", "as-groups: [g]", "as-user-extra: {a: [b]}"}) {
    EXPECT_EQ(user_fault(alone), where + "as-uid, as-groups and as-user-extra need as");
  }
  EXPECT_EQ(user_fault("auth-provider: {name: gcp, config: {token: secret}}"),
            where + "auth-provider (gcp) is not supported: use exec, with a plugin that gives a token");
  EXPECT_THAT(user_fault("auth-provider: {name: oidc}, exec: {command: x}"),
              StartsWith(where + "auth-provider and exec are both given"));
  EXPECT_NO_THROW(choose("server: https://x", "client-certificate: f, client-key-data: QQ==, token: t"));
  EXPECT_NO_THROW(choose("server: https://x", ""));
}

std::string exec_fault(const std::string& exec) {
  return user_fault("exec: {" + exec + "}");
}

TEST(ChooseContext, AnExecPluginHasToBeOneThatAnAgentCanRun) {
  const std::string where = "/home/me/config: user 'u': exec.";
  const std::string v1 = "apiVersion: client.authentication.k8s.io/v1, ";
  EXPECT_EQ(exec_fault(v1 + "interactiveMode: Never"), where + "command is missing");
  EXPECT_EQ(exec_fault("command: x"), where + "apiVersion is missing");
  EXPECT_THAT(exec_fault("command: x, apiVersion: client.authentication.k8s.io/v1alpha1"),
              StartsWith(where + "apiVersion is 'client.authentication.k8s.io/v1alpha1'"));
  EXPECT_EQ(exec_fault(v1 + "command: x"), where + "interactiveMode is missing, which apiVersion v1 requires");
  EXPECT_EQ(exec_fault(v1 + "command: x, interactiveMode: Sometimes"),
            where + "interactiveMode is 'Sometimes', not Never, IfAvailable or Always");
  EXPECT_EQ(exec_fault(v1 + "command: x, interactiveMode: Always"),
            where + "interactiveMode is Always: an agent has nobody to ask");
  EXPECT_EQ(exec_fault(v1 + "command: x, interactiveMode: Never, env: [{value: secret}]"),
            where + "env holds a variable without a name");
  for (const char* good : {"v1, interactiveMode: Never", "v1, interactiveMode: IfAvailable", "v1beta1"}) {
    EXPECT_TRUE(choose("server: https://x",
                       std::string("exec: {command: x, apiVersion: client.authentication.k8s.io/") + good + "}")
                    .user.exec)
        << good;
  }
}

TEST(ChooseContext, APluginIsLeftOutWhenSomethingElseSaysWhoWeAre) {
  const std::string exec = ", exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}";
  for (const char* other : {"token: t", "tokenFile: f", "username: me", "client-certificate: f, client-key: f",
                            "client-certificate-data: QQ==, client-key: f"}) {
    EXPECT_FALSE(choose("server: https://x", other + exec).user.exec) << other;
  }
  EXPECT_TRUE(choose("server: https://x", "as: boss" + exec).user.exec);
}

TEST(ChooseContext, APluginIsToldOfItsClusterWhenItWishes) {
  const std::string exec = "exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1";
  const ChosenContext told = choose(
      "server: https://x, tls-server-name: y, extensions: [{name: client.authentication.k8s.io/exec, extension: "
      "{a: 1}}]",
      exec + ", provideClusterInfo: true}");
  ASSERT_TRUE(told.user.exec->cluster);
  EXPECT_EQ(told.user.exec->cluster->tls_server_name, "y");
  EXPECT_EQ(told.user.exec->cluster_config, "{\"a\":1}");
  EXPECT_FALSE(choose("server: https://x", exec + "}").user.exec->cluster);
}

TEST(Base64, IsStandardAndPadded) {
  for (const auto& [bytes, text] : {std::pair("", ""), {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}}) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  EXPECT_EQ(decode_base64("-_=="), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper::agent
