// What callers ask of one lock. Doors make these; nothing in here has been checked against the limits yet
// (locks/limits.h), decide() checks what depends on the record only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "locks/record.h"

namespace lockkeeper::locks {

struct Acquire {
  std::string key;               // not empty
  std::string holder;            // not empty
  std::string claim;             // name; empty: unnamed
  std::string request;           // with a name: the intention; all its retries carry the same one
  std::optional<Version> begun;  // with a name: version read when the intention began; none: the current one
  Metadata metadata;
};

// Without `claim`: the holder's oldest claim, or with `all` every one of the holder.
// With `claim`: exactly that claim or nothing; the name is closed for what began before.
// With `claim` and `request`: withdrawal. Ends the claim only if that request holds it, and closes the name
// for what began no later than `begun` (none: the claim's own, or else the current version).
struct Release {
  std::string key;     // not empty
  std::string holder;  // not empty
  std::string claim;
  std::string request;
  std::optional<Version> begun;
  bool all = false;
};

struct Inspect {};

// Ends all claims, whoever holds them.
struct ForceRelease {
  std::string reason;
};

// Who asks, for history. Set by the server, never by the client.
struct Caller {
  std::string by;  // authenticated name; empty: nobody had to
  std::string door;
};

struct Command {
  std::string lock;
  Caller caller;
  std::variant<Acquire, Release, Inspect, ForceRelease> what;
};

}  // namespace lockkeeper::locks
