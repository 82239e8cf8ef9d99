// One of stormlock's databases, as the command sees it. A backend keeps the original's data layout, so that both
// programs share one database and exclude each other.
//
// Blocking, one command a process, one thread. Contention and "not yours" are values. Everything else throws
// BackendError: one sentence with the cause and no password.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "cli/stormlock/section.h"

namespace lockkeeper::cli::stormlock {

class BackendError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A moment, which is shown in the reader's local zone; or text as the database has it, without a zone:
// YYYY-MM-DDTHH:MM:SS.mmm.
using Created = std::variant<std::chrono::sys_time<std::chrono::microseconds>, std::string>;

struct Lease {
  std::string id;
  std::string principal;
  Created created;
};

struct Held {
  std::optional<Lease> by;  // none: whoever it was is gone by now
};

struct Wish {
  std::string resource;
  std::string principal;
  std::chrono::seconds ttl{0};  // 1 s at least
};

// Of one that waits: a line for people, whenever there is something new to say.
using Telling = std::function<void(const std::string&)>;

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::variant<Lease, Held> acquire(const Wish& wish) = 0;
  // Whether or not it was held: releasing twice is fine.
  virtual void release(const std::string& resource, const std::string& id) = 0;
  virtual bool renew(const std::string& resource, const std::string& id,
                     std::chrono::seconds ttl) = 0;  // false: not the active lease
  virtual std::optional<Lease> current(const std::string& resource) = 0;
  virtual bool is_held(const std::string& resource, const std::string& id) = 0;

  // Whether a lock that is held can be waited for; and acquire(), which then does.
  virtual bool can_wait() const { return false; }
  virtual std::variant<Lease, Held> acquire(const Wish& wish, std::chrono::milliseconds wait, const Telling& tell);
  // Called by a signal's handler while the waiting acquire() runs, which then leaves the queue and throws
  // BackendError, within 5 s, or returns what it has won by then: that is released. Async-signal-safe.
  virtual void interrupt() noexcept {}
};

// What lockkeeper-stormlock-NAME.so has: nobody pays for the libraries of a database they don't use.
struct BackendKind {
  // `section`: [backend.NAME]. May connect. Throws BackendError, ConfigError.
  std::unique_ptr<Backend> (*make)(const Section& section);
};

inline constexpr const char* backend_kind_symbol = "lockkeeper_stormlock_kind";
inline constexpr const char* backend_version_symbol = "lockkeeper_stormlock_version";
using BackendKindFunction = const BackendKind* (*)();
using BackendVersionFunction = const char* (*)();

}  // namespace lockkeeper::cli::stormlock

// Written once in a backend's module, with a BackendKind.
#define LOCKKEEPER_STORMLOCK_BACKEND(kind)                                                         \
  extern "C" __attribute__((visibility("default"))) const lockkeeper::cli::stormlock::BackendKind* \
  lockkeeper_stormlock_kind() {                                                                    \
    return &kind;                                                                                  \
  }                                                                                                \
  extern "C" __attribute__((visibility("default"))) const char* lockkeeper_stormlock_version() {   \
    return LOCKKEEPER_VERSION;                                                                     \
  }
