// Bodies of PUT and DELETE /lock/{name}, read as the original read them (compat: locker, facts 8 and 10): field
// names without regard to case, the last duplicate wins, text after the first value ignored, invalid UTF-8
// becomes U+FFFD, a lone surrogate too; lock_by and locked_by of a wrong type are ignored, unknown fields too.
// What is ours (claim, request, begun, metadata, all, ttl, wait) is strict: a wrong type is a fault. But a ttl that
// is a bare number in a body without any other field of ours is an unknown field, as it was to the original.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "locks/record.h"

namespace lockkeeper::wire {

struct LockBody {
  std::string key;
  std::string requestor, lock_by, locked_by;  // "" and null: absent
  std::string claim;
  std::string request;
  std::optional<locks::Version> begun;
  locks::Metadata metadata;
  std::optional<std::chrono::milliseconds> ttl;
  std::optional<std::chrono::milliseconds> wait;  // none: does not queue. 0: queues, and is answered at once
  bool all = false;
  bool native = false;  // a field of ours was there: the answer has ours too

  // requestor, lock_by, locked_by, key: the first that is given.
  const std::string& holder() const;
};

struct BodyFault {
  bool undecodable = false;  // not JSON, or not of the original's types: its 400 is text/plain
  std::string text;          // for a fault in a field of ours; else empty: the door has the original's text
};

// An empty body, and `null`, are what they were: undecodable, and a body without fields.
std::variant<LockBody, BodyFault> parse_lock_body(std::string_view body);

// {"key", "claim" or "token" or both, "ttl"} of POST /lock/{name}/renew.
struct RenewFields {
  std::string key;
  std::string claim;
  std::optional<locks::Version> token;
  std::optional<std::chrono::milliseconds> ttl;
};
std::variant<RenewFields, BodyFault> parse_renew_body(std::string_view body);

// {"reason": "..."} of POST /lock/{name}/force-release; an empty body is no reason.
std::variant<std::string, BodyFault> parse_force_body(std::string_view body);

}  // namespace lockkeeper::wire
