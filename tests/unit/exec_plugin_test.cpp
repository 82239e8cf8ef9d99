// Exec plugins: real programs in a temporary folder.
#include "agent/exec_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "agent/child_process.h"
#include "tests/support/agent_surroundings.h"
#include "tests/support/temporary_folder.h"
#include "wire/time_text.h"

namespace lockkeeper::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::TemporaryFolder;
using testing::AgentSurroundings;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::write_file;
using testing::write_script;

const std::string v1 = "client.authentication.k8s.io/v1";

std::string credential(const std::string& status, const std::string& version = v1) {
  return R"({"apiVersion":")" + version + R"(","kind":"ExecCredential","status":)" + status + "}";
}

template <class Action>
std::string fault(Action action) {
  try {
    action();
  } catch (const NoCredentials& error) {
    return error.what();
  }
  ADD_FAILURE() << "no NoCredentials";
  return "";
}

TEST(ExecCredential, IsATokenOrAPairOrBothUntilItExpires) {
  const ExecCredential token = parse_exec_credential(
      credential(R"({"token":"t","expirationTimestamp":"2026-11-21T10:00:00+01:00"})") + "\n", v1);
  EXPECT_EQ(token.token, "t");
  EXPECT_EQ(token.expires, wire::parse_time("2026-11-21T09:00:00Z"));
  const ExecCredential pair = parse_exec_credential(
      credential(R"({"clientCertificateData":"c","clientKeyData":"k","token":null,"more":1})"), v1);
  EXPECT_EQ(pair.certificate, "c");
  EXPECT_EQ(pair.key, "k");
  EXPECT_FALSE(pair.expires);
}

TEST(ExecCredential, AnythingElseIsAFaultThatShowsNothingOfIt) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not a JSON object"},
      {"secret", "not a JSON object"},
      {"[\"secret\"]", "not a JSON object"},
      {credential(R"({"token":"secret"})") + "{}", "not a JSON object"},
      {std::string(100'000, '['), "not a JSON object"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"Pod","status":{"token":"secret"}})",
       "another kind"},
      {credential(R"({"token":"secret"})", v1 + "beta1"),
       "another apiVersion than client.authentication.k8s.io/v1"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{}})", "no status"},
      {credential("\"secret\""), "no status"},
      {credential("{}"), "neither a token nor a client certificate"},
      {credential(R"({"token":""})"), "neither a token nor a client certificate"},
      {credential(R"({"token":["secret"]})"), "its token is not a text"},
      {credential(R"({"token":"secret","clientKeyData":"secret"})"), "without the other"},
      {credential(R"({"clientCertificateData":"secret"})"), "without the other"},
      {credential(R"({"token":"secret","expirationTimestamp":"secret"})"), "not a time"},
      {credential(R"({"token":"secret","expirationTimestamp":5})"), "not a text"},
  };
  for (const auto& [printed, expected] : cases) {
    const std::string why = fault([&, text = printed] { parse_exec_credential(text, v1); });
    EXPECT_THAT(why, HasSubstr(expected)) << printed;
    EXPECT_THAT(why, Not(HasSubstr("secret"))) << printed;
  }
}

TEST(ExecInfo, TellsOfTheClusterOnlyWhenWished) {
  ExecSettings exec;
  exec.api_version = v1 + "beta1";
  EXPECT_EQ(
      exec_info(exec, ""),
      R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false}})");
  exec.cluster.emplace();
  exec.cluster->url = "https://x";
  const std::string start =
      R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":)";
  EXPECT_EQ(exec_info(exec, ""), start + R"({"cluster":{"server":"https://x"},"interactive":false}})");
  exec.cluster->tls_server_name = "y";
  exec.cluster->insecure_skip_tls_verify = true;
  exec.cluster->proxy_url = "http://p";
  exec.cluster->compression = false;
  exec.cluster_config = R"({"a":[1,"b"]})";
  EXPECT_EQ(exec_info(exec, "ABC"),
            start + R"({"cluster":{"server":"https://x","tls-server-name":"y","insecure-skip-tls-verify":true,)"
                    R"("certificate-authority-data":"QUJD","proxy-url":"http://p","disable-compression":true,)"
                    R"("config":{"a":[1,"b"]}},"interactive":false}})");
}

class ExecPlugin : public ::testing::Test {
 protected:
  ExecPlugin() {
    exec_.api_version = v1;
    world_.environment["PATH"] = "/usr/bin:/bin";
  }
  std::string script(const std::string& text) const { return write_script(folder_ / "plugin", text); }
  ExecCredential run(milliseconds limit = seconds(30), const http::Interrupt* interrupt = nullptr) {
    return run_exec_plugin(exec_, world_.surroundings(), interrupt, limit);
  }
  std::string failure(milliseconds limit = seconds(30)) {
    return fault([&] { run(limit); });
  }
  std::string seen(const std::string& name) const {
    std::ifstream in(folder_ / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static std::string printing(const std::string& status) { return "echo '" + credential(status) + "'\n"; }

  TemporaryFolder folder_;
  AgentSurroundings world_;
  ExecSettings exec_;
};

TEST_F(ExecPlugin, RunsTheCommandWithItsArgumentsAndNoShell) {
  exec_.command = script("printf '%s|' \"$@\" >" + (folder_ / "args") + "\n" + printing(R"({"token":"t"})"));
  exec_.args = {"a b", "$HOME; echo *", ""};
  EXPECT_EQ(run().token, "t");
  EXPECT_EQ(seen("args"), "a b|$HOME; echo *||");
}

TEST_F(ExecPlugin, ItsEnvironmentIsOursWithItsOwnOverIt) {
  setenv("LOCKKEEPER_TEST_OURS", "ours", 1);
  setenv("LOCKKEEPER_TEST_BOTH", "ours", 1);
  setenv("KUBERNETES_EXEC_INFO", "ours", 1);
  exec_.env = {{"LOCKKEEPER_TEST_BOTH", "first"}, {"LOCKKEEPER_TEST_BOTH", "its own"}};
  exec_.command =
      script("tr '\\0' '\\n' </proc/$$/environ >" + (folder_ / "env") + "\n" + printing(R"({"token":"t"})"));
  run();
  EXPECT_THAT(seen("env"),
              AllOf(HasSubstr("LOCKKEEPER_TEST_OURS=ours\n"), HasSubstr("LOCKKEEPER_TEST_BOTH=its own\n"),
                    HasSubstr("KUBERNETES_EXEC_INFO=" + exec_info(exec_, "") + "\n")));
  EXPECT_THAT(seen("env"), Not(HasSubstr("LOCKKEEPER_TEST_BOTH=ours")));
  EXPECT_THAT(seen("env"), Not(HasSubstr("KUBERNETES_EXEC_INFO=ours")));
  unsetenv("LOCKKEEPER_TEST_OURS");
  unsetenv("LOCKKEEPER_TEST_BOTH");
  unsetenv("KUBERNETES_EXEC_INFO");
}

TEST_F(ExecPlugin, IsToldTheAuthorityAsItIsInItsFileNow) {
  exec_.cluster.emplace();
  exec_.cluster->ca_file = write_file(folder_ / "ca.pem", "ABC");
  exec_.command =
      script("echo \"$KUBERNETES_EXEC_INFO\" >" + (folder_ / "info") + "\n" + printing(R"({"token":"t"})"));
  run();
  EXPECT_THAT(seen("info"), HasSubstr(R"("certificate-authority-data":"QUJD")"));
  std::filesystem::remove(folder_ / "ca.pem");
  EXPECT_THAT(failure(), HasSubstr("ca.pem cannot be read"));
}

TEST_F(ExecPlugin, HasNothingOnStdinAndNoneOfOurDescriptors) {
  // given a stdin that would be read, and a file that is inherited unless somebody sees to it
  int words[2];
  ASSERT_EQ(pipe(words), 0);
  ASSERT_EQ(write(words[1], "words", 5), 5);
  close(words[1]);
  const int before = dup(STDIN_FILENO);
  dup2(words[0], STDIN_FILENO);
  const int file = open((folder_ / "open").c_str(), O_WRONLY | O_CREAT, 0600);

  exec_.command =
      script("cat; ls -l /proc/self/fd/ >" + (folder_ / "open-files") + "\n" + printing(R"({"token":"t"})"));
  EXPECT_EQ(run().token, "t");
  EXPECT_THAT(seen("open-files"), Not(HasSubstr(folder_ / "open\n")));
  EXPECT_THAT(seen("open-files"), HasSubstr("/dev/null"));
  close(file);
  close(words[0]);
  dup2(before, STDIN_FILENO);
  close(before);
}

TEST_F(ExecPlugin, GetsSignalsAsAProgramExpectsThem) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  std::signal(SIGPIPE, SIG_IGN);
  // the last 7 digits: libc keeps two signals above them to itself
  exec_.command = script("sed -n 's/^Sig\\(Blk\\|Ign\\).*\\(.......\\)$/\\1 \\2/p' /proc/self/status >" +
                         (folder_ / "signals") + "\n" + printing(R"({"token":"t"})"));
  run();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(seen("signals"), "Blk 0000000\nIgn 0000000\n");
}

TEST_F(ExecPlugin, WhatItComplainsOfIsLogged) {
  exec_.command = script("echo 'log in' >&2\nprintf 'first\\033[1m' >&2\nexit 3\n");
  EXPECT_EQ(failure(), "exec plugin " + exec_.command + " gave no credentials: it ended with status 3");
  EXPECT_THAT(world_.log(), ElementsAre("exec plugin " + exec_.command + ": log in",
                                        "exec plugin " + exec_.command + ": first [1m"));
}

TEST_F(ExecPlugin, FillsTheLogOnlySoFar) {
  exec_.command =
      script("i=0; while [ $i -lt 300 ]; do echo line $i >&2; i=$((i+1)); done\n" + printing(R"({"token":"t"})"));
  EXPECT_EQ(run().token, "t");
  EXPECT_THAT(world_.log(), SizeIs(100));
}

TEST_F(ExecPlugin, ACommandWithoutASlashIsLookedUpInPath) {
  std::filesystem::create_directories(folder_ / "one/plugin");  // a folder is no program
  std::filesystem::create_directories(folder_ / "two");
  std::filesystem::create_directories(folder_ / "three");
  write_file(folder_ / "two/plugin", "not executable");
  write_script(folder_ / "three/plugin", printing(R"({"token":"three"})"));
  exec_.command = "plugin";
  world_.environment["PATH"] = (folder_ / "one") + "::" + (folder_ / "two") + ":" + (folder_ / "three");
  EXPECT_EQ(run().token, "three");
}

TEST_F(ExecPlugin, NothingIsRunFromWhereTheAgentHappensToBe) {
  script(printing(R"({"token":"here"})"));
  EXPECT_EQ(find_in_path("plugin", folder_ / ""), folder_ / "/plugin");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_ / "");
  EXPECT_EQ(find_in_path("plugin", ":.:"), "");
  std::filesystem::current_path(before);
}

TEST_F(ExecPlugin, AMissingCommandIsSaidWithTheHint) {
  exec_.command = "no-such-plugin";
  exec_.install_hint = "get it\nat https://x";
  EXPECT_EQ(failure(), "exec plugin no-such-plugin gave no credentials: it is not in PATH; get it at https://x");
  exec_.command = folder_ / "none";
  EXPECT_THAT(failure(), HasSubstr("it cannot be started: No such file or directory"));
  exec_.command = write_file(folder_ / "plain", "text");
  EXPECT_THAT(failure(), HasSubstr("it cannot be started: Permission denied"));
}

// Readable when the last who holds it open for writing has ended: nobody is left of a plugin.
class Leftovers {
 public:
  explicit Leftovers(const std::string& path) {
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    fifo_ = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~Leftovers() { close(fifo_); }
  Leftovers(const Leftovers&) = delete;
  Leftovers& operator=(const Leftovers&) = delete;
  void wait_for_a_word() const {
    pollfd descriptor{fifo_, POLLIN, 0};
    poll(&descriptor, 1, -1);
    char word[64];
    EXPECT_GT(read(fifo_, word, sizeof word), 0);
  }
  void wait_until_none_is_left() const {
    pollfd descriptor{fifo_, 0, 0};
    EXPECT_EQ(poll(&descriptor, 1, 60'000), 1);
    EXPECT_NE(descriptor.revents & POLLHUP, 0);
  }

 private:
  int fifo_ = -1;
};

TEST_F(ExecPlugin, IsEndedWithAllItStartedWhenItTakesTooLong) {
  const Leftovers leftovers(folder_ / "alive");
  exec_.command = script("exec 9>" + (folder_ / "alive") + "\necho started >&9\nsleep 600 &\nsleep 600\n");
  EXPECT_THAT(failure(milliseconds(300)), EndsWith("it was not done within 300 ms"));
  leftovers.wait_until_none_is_left();
}

TEST_F(ExecPlugin, IsEndedWhenTheAgentStops) {
  const Leftovers leftovers(folder_ / "alive");
  exec_.command = script("exec 9>" + (folder_ / "alive") + "\necho started >&9\nsleep 600\n");
  http::Interrupt interrupt;
  std::thread other([&] {
    leftovers.wait_for_a_word();
    interrupt.raise();
  });
  try {
    run(seconds(600), &interrupt);
    ADD_FAILURE() << "not interrupted";
  } catch (const http::HttpError& error) {
    EXPECT_EQ(error.kind, http::HttpError::Kind::interrupted);
  }
  other.join();
  leftovers.wait_until_none_is_left();
}

TEST_F(ExecPlugin, WhoHoldsOnToItsPipesIsNotWaitedFor) {
  const Leftovers leftovers(folder_ / "alive");
  exec_.command = script("exec 9>" + (folder_ / "alive") + "\nsleep 5 &\n" + printing(R"({"token":"t"})"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(run().token, "t");
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(4));
}

TEST_F(ExecPlugin, PrintsOnlySoMuch) {
  exec_.command = script("yes secret\n");
  EXPECT_THAT(failure(), EndsWith("it printed too much"));
  exec_.command = script("head -c 1048577 /dev/zero\n");
  EXPECT_THAT(failure(), EndsWith("it printed too much"));
}

TEST_F(ExecPlugin, ASignalIsNamed) {
  exec_.command = script("kill -TERM $$\n");
  EXPECT_THAT(failure(), EndsWith("it was ended by signal 15 (Terminated)"));
}

TEST_F(ExecPlugin, ALongCredentialComesWhole) {
  const std::string token(300'000, 'x');
  write_file(folder_ / "answer", credential("{\"token\":\"" + token + "\"}"));
  exec_.command = script("cat " + (folder_ / "answer") + "\n");
  EXPECT_EQ(run().token, token);
}

}  // namespace
}  // namespace lockkeeper::agent
