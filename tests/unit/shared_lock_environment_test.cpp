// Every variable of shared-lock's README is an option here, or is refused with what replaces it.
#include "server/shared_lock_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/options.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Environment = std::map<std::string, std::string>;

std::variant<Options, Farewell> read(const Environment& environment, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--store", "memory:"});
  return read_options(arguments, environment, {.ipv6 = true, .cores = 2});
}

Options options(const Environment& environment, const std::vector<std::string>& arguments = {}) {
  auto result = read(environment, arguments);
  if (const auto* farewell = std::get_if<Farewell>(&result)) throw std::runtime_error(farewell->err);
  return std::get<Options>(std::move(result));
}

std::string complaint(const std::string& name, const std::string& value) {
  const auto result = read({{"SHARED_LOCK_" + name, value}}, {});
  const auto* farewell = std::get_if<Farewell>(&result);
  return farewell == nullptr || farewell->code != 1 ? "no complaint" : farewell->err;
}

TEST(SharedLocksVariables, SetTheOptionsThatMeanTheSame) {
  const Options read = options({{"SHARED_LOCK_SERVER_READ_TIMEOUT", "1m30s"},
                                {"SHARED_LOCK_SERVER_WRITE_TIMEOUT", "+7s"},
                                {"SHARED_LOCK_SERVER_IDLE_TIMEOUT", "1.5h"},
                                {"SHARED_LOCK_SERVER_SHUTDOWN_TIMEOUT", "0"},
                                {"SHARED_LOCK_CACHE_SIZE", "2000"},
                                {"SHARED_LOCK_DEBUG", "T"}});
  EXPECT_EQ(read.http.read_timeout, 90s);
  EXPECT_EQ(read.http.write_timeout, 7s);
  EXPECT_EQ(read.http.idle_timeout, 90min);
  EXPECT_EQ(read.shutdown_grace, 0s);
  EXPECT_EQ(read.engine.cached_locks, 2000U);
  EXPECT_EQ(read.log_level, LogLevel::debug);
}

TEST(SharedLocksVariables, OpenTheDoorOnLoopbackUnlessThereAreCredentials) {
  const Environment port{{"SHARED_LOCK_SERVER_PORT", "8080"}};
  const auto endpoints = options(port).doors.at("shared-lock").endpoints;
  ASSERT_EQ(endpoints.size(), 1U);
  EXPECT_EQ(endpoints[0].address, "127.0.0.1");
  EXPECT_EQ(endpoints[0].port, 8080);

  Environment with_credentials = port;
  with_credentials.insert({{"AUTH_USER", "u"}, {"AUTH_PASS", "p"}});
  EXPECT_EQ(options(with_credentials).doors.at("shared-lock").endpoints.at(0).address, "::");
}

TEST(SharedLocksVariables, GiveWayToFlagsAndToVariablesOfOurs) {
  const Environment theirs{{"SHARED_LOCK_SERVER_PORT", "8080"},
                           {"SHARED_LOCK_SERVER_READ_TIMEOUT", "7s"},
                           {"SHARED_LOCK_DEBUG", "true"},
                           {"LOCKKEEPER_LOG_LEVEL", "error"}};
  const Options read = options(theirs, {"--door", "shared-lock=127.0.0.1:9000", "--read-timeout", "8s"});
  ASSERT_EQ(read.doors.at("shared-lock").endpoints.size(), 1U);
  EXPECT_EQ(read.doors.at("shared-lock").endpoints[0].port, 9000);
  EXPECT_EQ(read.http.read_timeout, 8s);
  EXPECT_EQ(read.log_level, LogLevel::error);

  EXPECT_TRUE(options(theirs, {"--door", "shared-lock=off"}).doors.at("shared-lock").endpoints.empty());
  EXPECT_EQ(options(theirs, {"--door", "lockd=127.0.0.1:9001"}).doors.at("shared-lock").endpoints[0].port, 8080);
}

TEST(SharedLocksVariables, ThatAreEmptyFalseOrNotTheOriginalsChangeNothing) {
  const Options read = options({{"SHARED_LOCK_SERVER_PORT", ""},
                                {"SHARED_LOCK_ETCD_ADDR_LIST", ""},
                                {"SHARED_LOCK_CACHE_ENABLED", "false"},
                                {"SHARED_LOCK_ETCD_TLS", "0"},
                                {"SHARED_LOCK_PPROF_ENABLED", "F"},
                                {"SHARED_LOCK_DEBUG", "False"},
                                {"SHARED_LOCK_SERVICE_HOST", "10.0.0.1"},
                                {"SHARED_LOCK_PORT", "tcp://10.0.0.1:8080"}});
  EXPECT_FALSE(read.doors.contains("shared-lock"));
  EXPECT_EQ(read.log_level, LogLevel::info);
}

TEST(SharedLocksVariables, ThatNothingCorrespondsToAreRefusedWithWhatReplacesThem) {
  for (const char* name :
       {"STORAGE_TYPE", "ETCD_ADDR_LIST", "CA_CERT_PATH", "CLIENT_CERT_PATH", "CLIENT_KEY_PATH"}) {
    EXPECT_THAT(complaint(name, "etcd"),
                AllOf(StartsWith(std::string("SHARED_LOCK_") + name + ": "), HasSubstr("--store")));
  }
  EXPECT_THAT(complaint("ETCD_TLS", "true"), HasSubstr("--store"));
  EXPECT_THAT(complaint("PPROF_ENABLED", "1"), HasSubstr("perf"));
  EXPECT_THAT(complaint("CACHE_ENABLED", "TRUE"), HasSubstr("--cached-locks"));
}

TEST(SharedLocksVariables, ThatDoNotParseAreRefused) {
  for (const char* name : {"PPROF_ENABLED", "ETCD_TLS", "CACHE_ENABLED", "DEBUG"}) {
    for (const char* value : {"yes", "on", "tRUE", " true", "2"}) {
      EXPECT_THAT(complaint(name, value), HasSubstr("is not true or false")) << name << "=" << value;
    }
  }
  for (const char* value : {"abc", "-1", "65536", "1.5", "tcp://10.0.0.1:8080"}) {
    EXPECT_THAT(complaint("SERVER_PORT", value), HasSubstr("is not a whole number from 0 to 65535")) << value;
  }
  for (const char* value : {"0", "-1", "1k", "4294967296", "99999999999999999999"}) {
    EXPECT_THAT(complaint("CACHE_SIZE", value), HasSubstr("is not a whole number from 1 to")) << value;
  }
  for (const char* name : {"READ", "WRITE", "IDLE", "SHUTDOWN"}) {
    for (const char* value : {"10", "PT10S", "soon", "-5s", "9999999h"}) {
      EXPECT_THAT(complaint("SERVER_" + std::string(name) + "_TIMEOUT", value),
                  StartsWith("SHARED_LOCK_SERVER_" + std::string(name) + "_TIMEOUT: "))
          << value;
    }
  }
  // To Go this was no time-out at all.
  EXPECT_THAT(complaint("SERVER_READ_TIMEOUT", "0s"), HasSubstr("100ms is the least"));
}

}  // namespace
}  // namespace lockkeeper::server
