// Gives a lock back, as long as that may help.
#pragma once

#include <optional>
#include <string>

#include "client/boot_clock.h"
#include "client/lock_client.h"

namespace lockkeeper::cli::run {

struct Held {
  std::string lock;
  client::Identity identity;
  std::string claim;
  std::string request;  // empty: nobody else comes under the claim's name. Otherwise only this intention's is ended
};

// Tries again until `end`, or until `interrupt` (may be null) is raised; at least once. Returns what went wrong.
std::optional<std::string> give_back(client::LockClient& client, const Held& held,
                                     client::BootClock::time_point end, const http::Interrupt* interrupt);

}  // namespace lockkeeper::cli::run
