// shared-lock's words and the lock's: a lease asked for as an acquisition, a hold as the id of a lease. Pure.
//
// A lease's id is a random number, in decimal the key of its claim, so that every lease excludes the others; the
// claim is called after it, which is how a keepalive finds it that names nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "locks/command.h"
#include "locks/limits.h"
#include "locks/record.h"
#include "wire/lease_body.h"

namespace lockkeeper::server {

// x-lease-ttl: a Go duration; none or empty: 10 s. nullopt: it does not parse, or is not positive. What is longer
// than 100 years is cut to that.
std::optional<std::chrono::milliseconds> lease_ttl(std::string_view header);

// 1 to 2^63 - 1, from text of 16 random hexadecimal digits or more; nullopt: it would be 0.
std::optional<std::string> lease_id(std::string_view random);

// A lease's id out of a keepalive's body: as the original (signs and leading zeros are fine), and white space
// around it. In canonical form; nullopt: no whole number of 64 bits.
std::optional<std::string> named_lease(std::string_view body);

// `body.key` is the lock's name, and not looked at here. A value that is no holder goes to the metadata.
locks::Acquire acquire_lease(wire::LeaseBody&& body, const std::string& id, std::chrono::milliseconds ttl,
                             const locks::Limits& limits);
locks::Renew renew_lease(std::string id);

// Who has the lock, as an id: a lease's own; of whoever took the lock at another door a number that stays the same
// as long as the hold does, and is nobody's lease.
std::string winner(std::string_view lock, const std::vector<locks::Hold>& holds);

}  // namespace lockkeeper::server
