// lockctl's command line as data: what --help, completion and the parser know of a command is one table.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lockkeeper::cli::lockctl {

struct Session;

// What a shell offers for a word.
enum class Candidates { none, locks, files, these };

struct Flag {
  enum class Takes { nothing, value, maybe_duration };  // the last: the next word, if it is a duration
  const char* name;
  Takes takes;
  const char* value;  // as help shows it, "DURATION"
  const char* help;
  Candidates candidates = Candidates::none;
  const char* these = "";  // of Candidates::these, by spaces
};

struct CommandKind {
  const char* name;
  const char* parameters;   // as help shows them
  std::size_t least, most;  // words
  const char* help;
  std::span<const Flag> flags;
  Candidates candidates;
  const char* these;
  enum class Manner { asks, runs, local } manner;  // local: no server, no configuration; runs: see run_failed
  int (*carry_out)(Session& session);              // the exit code; throws as current_failure() (exit.h) knows it
};

// Those that every command takes.
std::span<const Flag> general_flags();
const Flag* find_flag(const CommandKind& command, const std::string& name);

struct Line {
  const CommandKind* command = nullptr;  // nullptr: only --help or --version
  std::vector<std::string> words;        // after the command's name; of `run` with those after --
  std::map<std::string, std::vector<std::string>> flags;
  bool dashes = false;  // there was a --

  bool has(const std::string& flag) const { return flags.contains(flag); }
  // The last one given, or `otherwise`.
  std::string text(const std::string& flag, const std::string& otherwise = "") const;
  std::vector<std::string> all(const std::string& flag) const;
  // These throw Failure{usage}. nullopt: not given.
  std::optional<std::chrono::milliseconds> duration(const std::string& flag) const;
  std::size_t number(const std::string& flag, std::size_t otherwise, std::size_t most) const;
};

// Flags may stand before and after the command and its words; all after -- are words. Throws Failure{usage}.
Line read_line(const std::vector<std::string>& arguments, std::span<const CommandKind> commands);

}  // namespace lockkeeper::cli::lockctl
