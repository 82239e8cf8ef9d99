// What Concourse sends on stdin: source, params and version, read strictly. RapidJSON stays in payload.cpp.
//
// null is absent, and so is an empty text (generated pipelines emit both); "true" is true. A field nobody knows
// is an error that names it and what is allowed. No error ever shows a value.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "locks/record.h"

namespace lockkeeper::resource {

// The pipeline has to be changed: a sentence for its author.
class PayloadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Versions { each, stable };  // stable: one version a lock, its implicit get is cached
enum class TriggerOn { any, unlocked };
enum class LogLevel { error, warn, info, debug };

struct Source {
  std::string locker_uri;  // http:// or https://, maybe with userinfo
  std::string username, password;
  std::string ca_cert;  // PEM, beside the system's
  bool skip_ssl_validation = false;
  std::string lock_name;     // exactly one of these two
  std::string bosh_lock;     // a director's URL: the lock is named after it
  std::string bosh_ca_cert;  // empty: the director is not verified
  std::string concourse;     // empty: ATC_EXTERNAL_URL
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds unlock_timeout = std::chrono::minutes(5);
  Versions versions = Versions::each;
  TriggerOn trigger_on = TriggerOn::any;
  LogLevel log_level = LogLevel::info;
};

enum class Operation { lock, unlock };

// How long a lock waits: neither: until Concourse ends the step.
struct Wait {
  bool once = false;
  std::optional<std::chrono::milliseconds> bound;
};

struct OutParams {
  Operation operation = Operation::lock;
  std::optional<std::string> key;     // none: this build's own
  std::optional<std::string> holder;  // lock_by, locked_by, requestor; none: this build's readable name
  Wait wait;
  std::optional<std::chrono::milliseconds> ttl;  // the longest that the lock is held; nothing renews it
  locks::Metadata metadata;
  bool any_build = false;
  bool all = false;
  std::optional<std::string> from;  // a folder, relative to the put's
};

struct InParams {
  bool skip_download = false;
  std::optional<std::string> key;  // of the claim, where the lock's put was given one
};

// Pairs as Concourse keeps them: {"revision": "12"}, {"lock": "prod"}, the original's {"ref": "..."}.
using GivenVersion = std::vector<std::pair<std::string, std::string>>;

// The lock's version that a revision names; none: not one of ours.
std::optional<locks::Version> revision(const GivenVersion& version);

struct CheckRequest {
  Source source;
  std::optional<GivenVersion> version;
};
struct InRequest {
  Source source;
  GivenVersion version;
  InParams params;
};
struct OutRequest {
  Source source;
  OutParams params;
};

// Each throws PayloadError.
CheckRequest parse_check(std::string_view json);
InRequest parse_in(std::string_view json);
OutRequest parse_out(std::string_view json);

}  // namespace lockkeeper::resource
