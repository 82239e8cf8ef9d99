// How lockcli ends: its exit codes, and which of them a failure is.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace lockkeeper::cli {

enum class Exit { done, own, usage, not_found, credentials, refused, unavailable, unreachable, unknown, stranger };

struct ExitMeaning {
  Exit code;
  const char* meaning;
};

// In the order of their numbers; docs/cli.md has the same.
std::span<const ExitMeaning> exit_meanings();

struct Failure : std::runtime_error {
  Failure(Exit exit, const std::string& sentence) : std::runtime_error(sentence), code(exit) {}
  Exit code;
  bool may_pass = false;    // asking again may help
  bool maybe_done = false;  // it may have been carried out
  std::optional<std::chrono::seconds> retry_after;
};

// Of the exception being handled. Rethrows what is none of http and client.
Failure current_failure();

}  // namespace lockkeeper::cli
