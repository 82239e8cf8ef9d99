// stormlock: locks for people, in a database that they share or at a Lockkeeper server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/stormlock/backend.h"
#include "cli/stormlock/configuration.h"

namespace lockkeeper::cli::stormlock {

enum Exit { done = 0, failed = 1, none_or_not_held = 1, held_or_usage = 2, expired = 3 };

// What it touches of the world.
struct Surroundings {
  Environment environment;
  std::function<std::unique_ptr<Backend>(const std::string& name, const Section& section)> backend;
  std::function<bool(std::string_view)> out, err;  // whether all of it was written; errno tells why not
};

// Returns the exit code, or ends the process by a signal that it got while it took a lock.
int stormlock(const std::vector<std::string>& arguments, const Surroundings& surroundings);

}  // namespace lockkeeper::cli::stormlock
