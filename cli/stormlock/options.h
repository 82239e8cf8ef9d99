// stormlock's command line. It is the original's, read as Python's argparse reads it: options and words of a
// command mix freely, the last of repeated options counts, `--` ends them, and a negative number is a word.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "cli/stormlock/formats.h"

namespace lockkeeper::cli::stormlock {

enum class Command { acquire, release, renew, current, is_held };

struct Options {
  std::string config;  // -c; empty: not given
  Command command = Command::current;
  std::string resource;
  std::string lease_id;                           // release, renew, is-held
  std::optional<std::chrono::seconds> ttl;        // acquire, renew
  std::optional<std::chrono::milliseconds> wait;  // acquire
  Format format = Format::rows;                   // current
};

// The text is whole: usage and what is wrong, for stderr.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Farewell {
  std::string text;  // --help
};

// Throws UsageError.
std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments);

// What read_options() throws, of what is found out later.
UsageError usage_error(Command command, const std::string& what);

}  // namespace lockkeeper::cli::stormlock
