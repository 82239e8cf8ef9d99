#include "server/shared_lock_environment.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string_view>

#include "locks/duration.h"
#include "server/doors/go_duration.h"
#include "server/target.h"

namespace lockkeeper::server {
namespace {

using std::chrono::milliseconds;

enum class Kind { port, duration, number, debug, refused, refused_if_true };

struct Variable {
  const char* name;  // after SHARED_LOCK_
  Kind kind;
  const char* flag;  // what it sets; or, refused, what replaces it
  milliseconds least = milliseconds(0);
};

constexpr milliseconds timeout_least{100};
constexpr milliseconds longest = std::chrono::hours(100 * 365 * 24);

constexpr const char* store_instead =
    "locks are not kept in etcd here: --store says where, and the variable can go";
constexpr const char* tls_instead =
    "it was for TLS to etcd, and locks are not kept there: --store says where, and the variable can go";

constexpr Variable variables[] = {
    {"SERVER_PORT", Kind::port, "door"},
    {"SERVER_READ_TIMEOUT", Kind::duration, "read-timeout", timeout_least},
    {"SERVER_WRITE_TIMEOUT", Kind::duration, "write-timeout", timeout_least},
    {"SERVER_IDLE_TIMEOUT", Kind::duration, "idle-timeout", timeout_least},
    {"SERVER_SHUTDOWN_TIMEOUT", Kind::duration, "shutdown-grace"},
    {"PPROF_ENABLED", Kind::refused_if_true,
     "there is no pprof here: perf shows where the process spends its time, /metrics and /status what it does"},
    {"STORAGE_TYPE", Kind::refused, store_instead},
    {"ETCD_ADDR_LIST", Kind::refused, store_instead},
    {"ETCD_TLS", Kind::refused_if_true, tls_instead},
    {"CA_CERT_PATH", Kind::refused, tls_instead},
    {"CLIENT_CERT_PATH", Kind::refused, tls_instead},
    {"CLIENT_KEY_PATH", Kind::refused, tls_instead},
    {"CACHE_ENABLED", Kind::refused_if_true,
     "there is no cache to switch on: locks are answered from memory, and never from a copy that is out of date; "
     "SHARED_LOCK_CACHE_SIZE or --cached-locks says how many stay there"},
    {"CACHE_SIZE", Kind::number, "cached-locks"},
    {"DEBUG", Kind::debug, "log-level"},
};

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void wrong(const std::string& value, const std::string& what) {
  throw Fault("\"" + value.substr(0, 64) + "\" is not " + what);
}

// As Go's strconv.ParseBool.
bool boolean(const std::string& value) {
  constexpr std::string_view yes[] = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::string_view no[] = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::find(std::begin(yes), std::end(yes), value) != std::end(yes)) return true;
  if (std::find(std::begin(no), std::end(no), value) != std::end(no)) return false;
  wrong(value, "true or false");
}

std::uint64_t number(const std::string& value, std::uint64_t least, std::uint64_t most) {
  const auto parsed = whole_number(value);
  if (parsed && *parsed >= least && *parsed <= most) return *parsed;
  wrong(value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

std::string duration(const std::string& value, milliseconds least) {
  const auto parsed = parse_go_duration(value);
  if (!parsed) wrong(value, "a duration, like 10s");
  const auto whole = std::chrono::floor<milliseconds>(*parsed);
  if (whole < least) wrong(value, "long enough: " + locks::exact_duration(least) + " is the least");
  return locks::exact_duration(std::min(whole, longest));
}

void take(const Variable& variable, const std::string& value, SharedLockSettings& settings) {
  switch (variable.kind) {
    case Kind::port:
      // Kubernetes sets it to an address beside a service called shared-lock-server.
      settings.port = static_cast<std::uint16_t>(number(value, 0, std::numeric_limits<std::uint16_t>::max()));
      return;
    case Kind::duration:
      settings.flags.emplace_back(variable.flag, duration(value, variable.least));
      return;
    case Kind::number:
      number(value, 1, std::numeric_limits<std::uint32_t>::max());
      settings.flags.emplace_back(variable.flag, value);
      return;
    case Kind::debug:
      if (boolean(value)) settings.flags.emplace_back(variable.flag, "debug");
      return;
    case Kind::refused_if_true:
      if (boolean(value)) throw Fault(variable.flag);
      return;
    case Kind::refused:
      throw Fault(variable.flag);
  }
}

}  // namespace

std::variant<SharedLockSettings, std::string> read_shared_lock_environment(
    const std::map<std::string, std::string>& environment) {
  SharedLockSettings settings;
  for (const Variable& variable : variables) {
    const std::string name = std::string("SHARED_LOCK_") + variable.name;
    const auto at = environment.find(name);
    if (at == environment.end() || at->second.empty()) continue;
    try {
      take(variable, at->second, settings);
    } catch (const Fault& fault) {
      return name + ": " + fault.what();
    }
  }
  return settings;
}

}  // namespace lockkeeper::server
