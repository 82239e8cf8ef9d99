// The body of POST /lease, read as the original shared-lock read it (compat: shared-lock, fact 3): strict JSON,
// also at its end; field names without regard to case, unknown fields ignored, the last duplicate wins, null leaves
// a field as it is; invalid UTF-8 becomes U+FFFD.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "locks/record.h"

namespace lockkeeper::wire {

struct LeaseBody {
  std::string key;    // empty: none was given
  std::string value;  // likewise
  locks::Metadata labels;
};

// nullopt: not JSON, or a field of a wrong type. `timestamp` must be RFC 3339, and is not looked at otherwise.
std::optional<LeaseBody> parse_lease_body(std::string_view body);

}  // namespace lockkeeper::wire
