// What lockcli is told by its command line and environment.
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "cli/environment.h"
#include "client/lock_client.h"

namespace lockkeeper::cli {

struct LockcliOptions {
  client::Settings api;
  std::chrono::milliseconds timeout = std::chrono::seconds(10);  // of everything, with all retries
  enum class Command { get, create, remove, release } command = Command::get;
  std::string id;
  std::string workflow, workflow_namespace;  // of create
};

// What --help and --version print.
struct Farewell {
  std::string text;
};

// Throws Failure{usage} (lockcli_exit.h).
std::variant<LockcliOptions, Farewell> read_lockcli_options(const std::vector<std::string>& arguments,
                                                            const Environment& environment);

}  // namespace lockkeeper::cli
