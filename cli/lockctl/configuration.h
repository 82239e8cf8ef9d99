// What lockctl is told by flags, environment and a file; in this order, each wins over those behind it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "cli/lockctl/command_line.h"
#include "client/lock_client.h"

namespace lockkeeper::cli::lockctl {

struct Configuration {
  client::Settings api;
  std::string holder;  // "alice@bastion"
  std::string key;     // empty: none was given
  enum class Color { automatic, always, never } color = Color::automatic;
  std::vector<std::string> warnings;  // a sentence each
};

// Throws Failure{usage} (exit.h), http::HttpError{bad_url}.
Configuration read_configuration(const Line& line, const Environment& environment);

}  // namespace lockkeeper::cli::lockctl
