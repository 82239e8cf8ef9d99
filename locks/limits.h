// Sizes that are refused, each with its own clear text, and the rules of a lock's name. Configurable; the
// defaults are DESIGN.md's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "locks/command.h"

namespace lockkeeper::locks {

struct Limits {
  std::size_t name_bytes = 512;
  std::size_t key_bytes = 1024;  // key, holder, claim's name, request
  std::size_t metadata_pairs = 16;
  std::size_t metadata_bytes = 4096;  // keys and values together
  std::size_t reason_bytes = 1024;
  std::uint64_t claim_rows = 1024;  // named, leased or described claims a lock
  std::size_t holders = 1024;       // tallied holders a lock
  std::uint64_t tally_count = 1'000'000'000'000;
  std::size_t waiters = 1000;  // a lock
  std::size_t closed_names = 4096;
  std::chrono::milliseconds closed_for = std::chrono::hours(1);
  std::chrono::milliseconds ttl_least{100};  // a lease shorter than its renewal's way to the server is none
};

// What one commit carries at most, so that no store's limits are met (etcd takes 128 operations a transaction); a
// single decision that is larger goes alone.
inline constexpr std::size_t commit_grants = 32;
inline constexpr std::size_t commit_rows = 64;

// nullopt: fine. Otherwise a sentence for the client (400), that never holds a value longer than 64 bytes.
std::optional<std::string> name_fault(std::string_view name, const Limits& limits);
std::optional<std::string> fault(const Command& command, const Limits& limits);

bool valid_utf8(std::string_view text);

}  // namespace lockkeeper::locks
