// The table of stormlock's commands: what each takes, and its help.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/stormlock/options.h"

namespace lockkeeper::cli::stormlock {

enum class Flag { help, config, ttl, wait, format, id_only };

struct FlagKind {
  Flag flag;
  char letter;               // 0: none
  std::string_view name;     // without its dashes
  std::string_view value;    // what it is called in usage and help; empty: it has none
  std::string_view meaning;  // for the help
};

struct WordKind {
  std::string_view name, meaning;
};

struct CommandKind {
  Command command;
  std::string_view name, meaning;
  std::span<const FlagKind> flags;
  std::span<const WordKind> words;  // in their order; all are required
};

std::span<const CommandKind> command_kinds();
std::span<const FlagKind> global_flags();

// "-t/--ttl", as errors name it.
std::string spelling(const FlagKind& flag);
// "stormlock" or "stormlock acquire"; null: of the program.
std::string called(const CommandKind* kind);
std::string usage(const CommandKind* kind);
std::string help(const CommandKind* kind);

}  // namespace lockkeeper::cli::stormlock
