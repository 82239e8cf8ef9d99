#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "server/options.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

const Machine machine{.ipv6 = true, .cores = 4};

std::variant<Options, Farewell> read(const std::vector<std::string>& arguments,
                                     const Environment& environment = {}) {
  return read_options(arguments, environment, machine);
}

Options options(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  auto result = read(arguments, environment);
  if (const auto* farewell = std::get_if<Farewell>(&result)) throw std::runtime_error(farewell->err);
  return std::get<Options>(std::move(result));
}

std::string complaint(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  const auto result = read(arguments, environment);
  const auto* farewell = std::get_if<Farewell>(&result);
  if (farewell == nullptr || farewell->code != 1 || !farewell->out.empty()) return "no complaint";
  return farewell->err;
}

class OptionsFile : public ::testing::Test {
 protected:
  ~OptionsFile() override { std::filesystem::remove(path_); }
  std::string write(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  std::string path_ = std::filesystem::temp_directory_path() /
                      ("lockkeeper-options-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
                       "-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
};

TEST(Options, AreTheOriginalsEnvironmentVariables) {
  const Options read = options({}, {{"LOCKER_CONFIG", "locks.json"},
                                    {"PORT", "4000"},
                                    {"AUTH_USER", "u"},
                                    {"AUTH_PASS", "p"},
                                    {"SSL_CERT", "c.pem"},
                                    {"SSL_KEY", "k.pem"}});
  EXPECT_EQ(read.locker_config, "locks.json");
  ASSERT_EQ(read.endpoints.size(), 1U);
  EXPECT_EQ(read.endpoints[0].port, 4000);
  EXPECT_EQ(read.auth_user, "u");
  EXPECT_EQ(read.auth_pass, "p");
  EXPECT_EQ(read.ssl_cert, "c.pem");
  EXPECT_EQ(read.ssl_key, "k.pem");
}

TEST(Options, HaveTheDesignsDefaults) {
  const Options read = options({"--store", "memory:"});
  EXPECT_EQ(read.engine.limits.name_bytes, 512U);
  EXPECT_EQ(read.http.body_bytes, 64U * 1024);
  EXPECT_EQ(read.http.header_bytes, 8U * 1024);
  EXPECT_EQ(read.shutdown_grace, 10s);
  EXPECT_EQ(read.http.io_threads, 2U);
  EXPECT_EQ(read.engine.history_for, 24h * 30);
}

TEST(Options, ComplainInTheOriginalsWords) {
  EXPECT_EQ(complaint({}), "No LOCKER_CONFIG file specified. Bailing out.\n");
  const Environment store{{"LOCKER_CONFIG", "x"}};
  const auto with = [&](const char* name) {
    Environment environment = store;
    environment[name] = "v";
    return environment;
  };
  EXPECT_EQ(complaint({}, with("AUTH_USER")), "AUTH_USER specified, but no AUTH_PASS was provided. Bailing out.\n");
  EXPECT_EQ(complaint({}, with("AUTH_PASS")), "AUTH_PASS specified, but no AUTH_USER was provided. Bailing out.\n");
  EXPECT_EQ(complaint({}, with("SSL_CERT")), "SSL_CERT specified, but no SSL_KEY was provided. Bailing out.\n");
  EXPECT_EQ(complaint({}, with("SSL_KEY")), "SSL_KEY specified, but no SSL_CERT was provided. Bailing out.\n");
}

TEST_F(OptionsFile, GivesWayToTheEnvironmentAndThatToFlags) {
  const std::string file = write("store=memory:\nname-bytes=10\nkey-bytes=20\nbody-bytes=30\n");
  const Options read = options({"--config", file, "--name-bytes", "12"},
                               {{"LOCKKEEPER_NAME_BYTES", "11"}, {"LOCKKEEPER_KEY_BYTES", "21"}});
  EXPECT_EQ(read.engine.limits.name_bytes, 12U);
  EXPECT_EQ(read.engine.limits.key_bytes, 21U);
  EXPECT_EQ(read.http.body_bytes, 30U);
}

TEST_F(OptionsFile, MayHoldThePassword) {
  const Options read = options({"--store", "memory:", "--auth-file", write("ci:se:cret\n")});
  EXPECT_EQ(read.auth_user, "ci");
  EXPECT_EQ(read.auth_pass, "se:cret");
}

TEST_F(OptionsFile, IsReadStrictly) {
  EXPECT_NE(complaint({"--store", "memory:", "--config", write("nonsense=1\n")}).find("nonsense"),
            std::string::npos);
  EXPECT_NE(complaint({"--store", "memory:", "--config", "/no/such/file"}).find("cannot read"), std::string::npos);
}

TEST(Options, NeverTakeAPasswordFromTheCommandLine) {
  EXPECT_NE(complaint({"--store", "memory:", "--auth-user", "u", "--auth-pass", "p"}), "no complaint");
}

TEST(Options, NeedUnitsAndWholeNumbers) {
  EXPECT_EQ(options({"--store", "memory:", "--read-timeout", "1m30s"}).http.read_timeout, 90s);
  for (const auto& bad : std::vector<std::vector<std::string>>{{"--read-timeout", "10"},
                                                               {"--read-timeout", "soon"},
                                                               {"--name-bytes", "-1"},
                                                               {"--name-bytes", "0"},
                                                               {"--name-bytes", "1k"},
                                                               {"--body-bytes", "1073741825"},
                                                               {"--port", "-1"},
                                                               {"--port", "65536"},
                                                               {"--listen", "3000"},
                                                               {"--listen", "::1:3000"},
                                                               {"--log-level", "loud"},
                                                               {"--nope"},
                                                               {"stray"}}) {
    std::vector<std::string> arguments{"--store", "memory:"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    EXPECT_NE(complaint(arguments), "no complaint") << bad.front();
  }
}

TEST(Options, SayTheLeastAndTheMostOfWhatIsTooShortOrTooLarge) {
  const auto said = [](const char* flag, const char* value) {
    return complaint({"--store", "memory:", flag, value});
  };
  EXPECT_EQ(said("--history-for", "30m"), "--history-for: 30m is too short: 1h at least\n");
  EXPECT_EQ(said("--free-for", "59m"), "--free-for: 59m is too short: 1h at least\n");
  EXPECT_EQ(said("--commit-deadline", "0s"), "--commit-deadline: 0s is too short: 100ms at least\n");
  EXPECT_EQ(said("--read-timeout", "99ms"), "--read-timeout: 99ms is too short: 100ms at least\n");
  EXPECT_EQ(said("--header-bytes", "4294967296"),
            "--header-bytes: \"4294967296\" is not a whole number from 64 to 1048576\n");
  EXPECT_EQ(said("--io-threads", "0"), "--io-threads: \"0\" is not a whole number from 1 to 1024\n");
  EXPECT_EQ(said("--name-bytes", "0"),
            "--name-bytes: \"0\" is not a whole number from 1 to 18446744073709551615\n");
}

TEST(Options, BoundHoldsPlacesAndWaitsOnlyWhenTold) {
  const engine::Settings silent = options({"--store", "memory:"}).engine;
  EXPECT_FALSE(silent.terms.max_hold || silent.terms.warn_after || silent.terms.place_for_refused);
  EXPECT_TRUE(silent.terms_by_name.empty());
  EXPECT_EQ(silent.terms.grace, 60s);
  EXPECT_EQ(silent.longest_wait, 10min);
  EXPECT_EQ(silent.limits.waiters, 1000U);

  const engine::Settings told =
      options({"--store", "memory:", "--max-hold", "2h", "--warn-after", "1h", "--waiter-grace", "5s",
               "--hold-place-for-refused", "90s", "--longest-wait", "30s", "--waiters-per-lock", "7"})
          .engine;
  EXPECT_EQ(told.terms.max_hold, 2h);
  EXPECT_EQ(told.terms.warn_after, 1h);
  EXPECT_EQ(told.terms.grace, 5s);
  EXPECT_EQ(told.terms.place_for_refused, 90s);
  EXPECT_EQ(told.longest_wait, 30s);
  EXPECT_EQ(told.limits.waiters, 7U);
}

TEST_F(OptionsFile, BoundsHoldsByTheNamesOfLocks) {
  const std::string file = write("hold-for=deploy-*=30m\nhold-for=a=b=1s\nwarn-for=*=10m\n");
  const engine::Settings read = options({"--store", "memory:", "--config", file}).engine;
  ASSERT_EQ(read.terms_by_name.size(), 3U);
  EXPECT_EQ(read.terms_by_name[0].pattern, "deploy-*");
  EXPECT_EQ(read.terms_by_name[0].max_hold, 30min);
  EXPECT_FALSE(read.terms_by_name[0].warn_after.has_value());
  EXPECT_EQ(read.terms_by_name[1].pattern, "a=b");
  EXPECT_EQ(read.terms_by_name[2].warn_after, 10min);
  const engine::Settings over =
      options({"--store", "memory:", "--config", file, "--hold-for", "x=1s"}, {{"LOCKKEEPER_WARN_FOR", "y=2s"}})
          .engine;
  ASSERT_EQ(over.terms_by_name.size(), 2U) << "a flag and the environment win over the file";
  EXPECT_EQ(over.terms_by_name[0].pattern, "x");
  EXPECT_EQ(over.terms_by_name[1].pattern, "y");
}

TEST(Options, SayWhatIsWrongWithABoundOfHolds) {
  const auto said = [](const char* flag, const char* value) {
    return complaint({"--store", "memory:", flag, value});
  };
  EXPECT_EQ(said("--hold-for", "deploy-*"), "--hold-for: \"deploy-*\" is not PATTERN=DURATION, as deploy-*=1h\n");
  EXPECT_EQ(said("--warn-for", "=1h"), "--warn-for: \"=1h\" is not PATTERN=DURATION, as deploy-*=1h\n");
  EXPECT_EQ(said("--hold-for", "a=50ms"), "--hold-for: 50ms is too short: 100ms at least\n");
  EXPECT_NE(said("--hold-for", "a=10").find("no unit"), std::string::npos);
  EXPECT_EQ(said("--max-hold", "0s"), "--max-hold: 0s is too short: 100ms at least\n");
}

TEST(Options, KeepEveryMinuteOfADuration) {
  EXPECT_EQ(options({"--store", "memory:", "--history-for", "90m"}).engine.history_for, 90min);
}

// Kubernetes puts LOCKKEEPER_PORT=tcp://... beside every pod when a service is called lockkeeper.
TEST(Options, AreNotConfusedByWhatKubernetesSets) {
  const Options read = options({"--store", "memory:"},
                               {{"LOCKKEEPER_PORT", "tcp://10.0.0.1:80"}, {"LOCKKEEPER_SERVICE_HOST", "10.0.0.1"}});
  EXPECT_EQ(read.endpoints[0].port, 3000);
}

TEST(Endpoints, AreLoopbackOnlyUnlessToldOrProtected) {
  const auto address = [](const std::vector<http::Endpoint>& found) { return found.at(0).address; };
  EXPECT_EQ(address(endpoints({}, false, 3000, true)), "127.0.0.1");
  EXPECT_EQ(address(endpoints({}, true, 3000, true)), "::");
  EXPECT_EQ(address(endpoints({}, true, 3000, false)), "0.0.0.0");
  EXPECT_EQ(address(endpoints({{"10.0.0.1", 1}}, false, 3000, true)), "10.0.0.1");
}

TEST(Options, NameSeveralListeners) {
  const Options read = options({"--store", "memory:", "--listen", "127.0.0.1:0", "--listen", "[::1]:3001"});
  ASSERT_EQ(read.endpoints.size(), 2U);
  EXPECT_EQ(read.endpoints[1].address, "::1");
  EXPECT_EQ(read.endpoints[1].port, 3001);
}

TEST(Options, SayGoodbyeAfterHelpAndVersion) {
  for (const char* flag : {"--help", "-h", "--version", "-v"}) {
    const auto result = read({flag});
    const auto* farewell = std::get_if<Farewell>(&result);
    ASSERT_NE(farewell, nullptr) << flag;
    EXPECT_EQ(farewell->code, 0) << flag;
    EXPECT_NE(farewell->out.find("lockkeeper"), std::string::npos) << flag;
    EXPECT_EQ(farewell->out.find("auth-pass"), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace lockkeeper::server
