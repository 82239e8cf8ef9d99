// What Concourse reads from stdout.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "resource/payload.h"
#include "wire/native_json.h"

namespace lockkeeper::resource {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// {"version":{..},"metadata":[{"name":..,"value":..}]} of in and out. Pairs with an empty value are left out.
// Throws StepFailed when stdout does not take it.
void write_answer(std::ostream& output, const Pairs& version, const Pairs& metadata);

// [{..},{..}] of check.
void write_versions(std::ostream& output, const std::vector<Pairs>& versions);

// A lock's state as a build's page shows it: lock, state, holders, count, since, ttl, waited, server.
struct LockState {
  std::string lock;
  std::vector<wire::HoldView> holders;                          // oldest first; none: free
  std::string waited;                                           // "3m10s"; empty: not known
  std::string server;                                           // without userinfo
  std::optional<std::chrono::milliseconds> ttl = std::nullopt;  // of the put's own claim
};
Pairs metadata(const LockState& state);

// {"revision": "12"}, or {"lock": "prod"} of versions: stable.
Pairs version_pairs(const Source& source, const std::string& lock, const std::string& revision);

// The revision of a lock at an original locker server, which counts no versions: a digest of its state.
std::string digest(const std::string& lock, const std::vector<wire::HoldView>& holders);

}  // namespace lockkeeper::resource
