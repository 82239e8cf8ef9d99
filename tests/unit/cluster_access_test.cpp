// Where the agent finds its cluster.
#include "agent/cluster_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "tests/support/agent_surroundings.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper::agent {
namespace {

using support::TemporaryFolder;
using testing::AgentSurroundings;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::write_file;

class FindCluster : public ::testing::Test {
 protected:
  FindCluster() {
    std::filesystem::create_directories(folder_ / "account");
    std::filesystem::create_directories(folder_ / "home/.kube");
    world_.service_account = folder_ / "account";
  }

  // A kubeconfig of one context, whose server is named after it.
  std::string config(const std::string& name, const std::string& current) const {
    return write_file(folder_ / name,
                      "current-context: " + current + "\ncontexts: [{name: " + name +
                          ", context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "
                          "'https://" +
                          name + "'}}]\nusers: [{name: u}]\n");
  }
  void enter_a_pod() {
    world_.environment["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
    world_.environment["KUBERNETES_SERVICE_PORT"] = "443";
    write_file(folder_ / "account/token", "t0ken\n");
    write_file(folder_ / "account/ca.crt", "");
  }
  std::string url(const AccessOptions& options = {}) {
    return find_cluster(options, world_.surroundings()).server.url;
  }
  std::string fault(const AccessOptions& options = {}) {
    try {
      find_cluster(options, world_.surroundings());
    } catch (const ConfigError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no ConfigError";
    return "";
  }

  TemporaryFolder folder_;
  AgentSurroundings world_;
};

TEST_F(FindCluster, LooksAtTheFlagThenKubeconfigThenThePodThenHome) {
  const std::string flag = config("flag", "flag");
  const std::string variable = config("variable", "variable");
  world_.environment["HOME"] = folder_ / "home";
  EXPECT_THAT(fault(), HasSubstr("no cluster is given"));
  EXPECT_THAT(fault(), HasSubstr(folder_ / "home/.kube/config"));
  config("home/.kube/config", "home/.kube/config");
  EXPECT_EQ(url(), "https://home/.kube/config");
  enter_a_pod();
  EXPECT_EQ(url(), "https://10.0.0.1:443");
  world_.environment["KUBECONFIG"] = variable;
  EXPECT_EQ(url(), "https://variable");
  EXPECT_EQ(url({.kubeconfig = flag}), "https://flag");
}

TEST_F(FindCluster, TheFlagIsOneFileAndMustBeThere) {
  const std::string one = config("one", "one");
  enter_a_pod();
  EXPECT_EQ(fault({.kubeconfig = folder_ / "none"}),
            (folder_ / "none") + " cannot be read: No such file or directory");
  EXPECT_THAT(fault({.kubeconfig = one + ":" + one}), HasSubstr("No such file"));
  EXPECT_THAT(fault({.kubeconfig = folder_ / "account"}), HasSubstr("Is a directory"));
  EXPECT_THAT(fault({.kubeconfig = write_file(folder_ / "huge", std::string(1024 * 1024 + 1, ' '))}),
              HasSubstr("longer than 1048576 bytes"));
}

TEST_F(FindCluster, TheListSkipsWhatIsMissingAndMergesTheRest) {
  const std::string one = config("one", "two");
  const std::string two = config("two", "one");
  world_.environment["KUBECONFIG"] = ":" + (folder_ / "none") + ":" + one + ":" + one + "::" + two + ":";
  // one's current context, which two defines; its cluster is one's, who had the name first
  const ClusterAccess access = find_cluster({}, world_.surroundings());
  EXPECT_EQ(access.source, "context 'two' of " + two);
  EXPECT_EQ(access.server.url, "https://one");
  EXPECT_EQ(find_cluster({.context = "one"}, world_.surroundings()).source, "context 'one' of " + one);

  EXPECT_EQ(fault({.context = "three"}), one + ":" + two + ": there is no context 'three'");
  write_file(folder_ / "bad", "a: [");
  world_.environment["KUBECONFIG"] = one + ":" + (folder_ / "bad") + ":" + two;
  EXPECT_THAT(fault(), HasSubstr((folder_ / "bad") + " cannot be read as a kubeconfig"));
  world_.environment["KUBECONFIG"] = one + ":" + (folder_ / "account");
  EXPECT_THAT(fault(), HasSubstr("Is a directory"));
}

TEST_F(FindCluster, AListOfMissingFilesIsAFaultAndNotAnotherCluster) {
  enter_a_pod();
  world_.environment["KUBECONFIG"] = (folder_ / "none") + ":" + (folder_ / "neither");
  EXPECT_THAT(fault(), HasSubstr("KUBECONFIG names no file that is there: " + (folder_ / "none") + ":"));
}

TEST_F(FindCluster, APodHasBothVariablesAndAToken) {
  enter_a_pod();
  world_.environment["KUBERNETES_SERVICE_PORT"] = "";
  EXPECT_THAT(fault(), HasSubstr("no cluster is given"));
  world_.environment["KUBERNETES_SERVICE_PORT"] = "6443";
  world_.environment["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  const ClusterAccess access = find_cluster({}, world_.surroundings());
  EXPECT_EQ(access.server.url, "https://[fd00::1]:6443");
  EXPECT_EQ(access.server.ca_file, folder_ / "account/ca.crt");
  EXPECT_EQ(access.source, "the service account of this pod");
  EXPECT_THAT(world_.log(), IsEmpty());

  std::filesystem::remove(folder_ / "account/token");
  EXPECT_THAT(fault(), HasSubstr("no cluster is given"));
  write_file(folder_ / "account/token", "\n");
  EXPECT_EQ(fault(), (folder_ / "account/token") + " is empty");
}

TEST_F(FindCluster, APodWithoutAnAuthorityTrustsTheSystemsAndSaysSo) {
  enter_a_pod();
  std::filesystem::remove(folder_ / "account/ca.crt");
  EXPECT_EQ(find_cluster({}, world_.surroundings()).server.ca_file, "");
  EXPECT_THAT(world_.log(), ElementsAre(HasSubstr("ca.crt is not there")));
}

TEST_F(FindCluster, WhatIsNotSafeIsSaid) {
  const auto log_of = [&](const std::string& cluster) {
    AgentSurroundings world;
    const std::string path =
        write_file(folder_ / "config",
                   "current-context: c\n"
                   "contexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, "
                   "cluster: {" +
                       cluster + "}}]\nusers: [{name: u, user: {token: t}}]");
    find_cluster({.kubeconfig = path}, world.surroundings());
    return world.log();
  };
  EXPECT_THAT(log_of("server: 'http://x'"), ElementsAre(HasSubstr("no credentials are sent")));
  EXPECT_THAT(log_of("server: 'https://x', insecure-skip-tls-verify: true"),
              ElementsAre(HasSubstr("insecure-skip-tls-verify is set")));
  EXPECT_THAT(log_of("server: 'https://x'"), IsEmpty());
}

}  // namespace
}  // namespace lockkeeper::agent
