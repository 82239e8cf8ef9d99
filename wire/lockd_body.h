// Bodies at lockd's door. Its older APIs had the name in there (compat: lockd-old.jsonl), and are read as they read
// them: JSON as loosely as Go (wire/lock_body.h says how), or the one XML document that names a lock. What is ours
// (client_id, request_id, wait, ttl, override) is strict; but a bare number as ttl in a body without any other
// field of ours is an unknown field, as it was to the original.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "locks/record.h"

namespace lockkeeper::wire {

struct LockdBody {
  std::string name;  // "" and null: absent
  std::string client_id;
  std::string request_id;
  std::optional<std::chrono::milliseconds> wait, ttl;
  bool overrides = false;
  bool ours = false;  // a field of ours was there
};

// Or what is wrong with it, for people.
std::variant<LockdBody, std::string> parse_lockd_json(std::string_view body);
// <LockRequest><Name>...</Name></LockRequest>: no attributes, comments, CDATA or document types, and of entities
// those that XML has by itself.
std::variant<LockdBody, std::string> parse_lockd_xml(std::string_view body);

// {"error","holder"?,"since"?,"position"?,"waiters"?}: for who sent a field of ours. `position` 0: none.
void write_lockd_conflict(std::string_view error, const std::optional<locks::Hold>& holder, std::size_t position,
                          std::size_t waiters, std::string& out);

}  // namespace lockkeeper::wire
