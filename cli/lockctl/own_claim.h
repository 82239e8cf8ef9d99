// Under which claim, key and holder a person locks, so that unlock needs to be told none of them again.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/lockctl/session.h"
#include "client/lock_client.h"

namespace lockkeeper::cli::lockctl {

// The holder is USER@HOST, the claim "lockctl HOLDER": doing it twice holds once. The key has the holder in it and
// the claim where one is given, so that other persons, and other purposes, exclude each other; it is no secret.
struct OwnClaim {
  client::Identity identity;
  std::string claim;
};

OwnClaim own_claim(const Session& session);

// --metadata NAME=VALUE, each. Throws Failure{usage}.
locks::Metadata metadata_of(const Line& line);

// --wait: how long to wait in the queue; nullopt: not at all. Throws Failure{usage}.
std::optional<std::chrono::milliseconds> wait_of(const Line& line);

// GET of the session's lock. Throws Failure{stranger} at an original server; `command` is what it cannot do.
wire::LockView looked_up(client::LockClient& client, const Session& session, const std::string& command);

}  // namespace lockkeeper::cli::lockctl
