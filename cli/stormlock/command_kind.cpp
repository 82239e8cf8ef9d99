#include "cli/stormlock/command_kind.h"

#include <algorithm>
#include <array>

namespace lockkeeper::cli::stormlock {
namespace {

constexpr FlagKind help_flag{Flag::help, 'h', "help", "", "this text"};
constexpr FlagKind ttl_flag{
    Flag::ttl, 't', "ttl", "TTL",
    "how long the lease lives from now on, as in \"30 minutes\" or 1d (default: as configured)"};

constexpr std::array program_flags = {
    help_flag,
    FlagKind{Flag::config, 'c', "config", "FILE", "the configuration, instead of the one that is looked for"}};
constexpr std::array plain_flags = {help_flag};
constexpr std::array acquire_flags = {
    help_flag, ttl_flag,
    FlagKind{Flag::wait, 0, "wait", "DURATION",
             "join the queue of a lock that is held, for so long at most; only with backend = lockkeeper"}};
constexpr std::array renew_flags = {help_flag, ttl_flag};
constexpr std::array current_flags = {
    help_flag,
    FlagKind{Flag::format, 'f', "format", "{id,json,lines,oneline,cols,rows}", "how to show it (default: rows)"},
    FlagKind{Flag::id_only, 0, "id-only", "", "the same as -f id"}};

constexpr WordKind resource{"resource", "the name of the lock"};
constexpr WordKind lease_id{"lease_id", "what acquire printed"};
constexpr std::array resource_alone = {resource};
constexpr std::array resource_and_lease = {resource, lease_id};

constexpr std::array kinds = {
    CommandKind{Command::acquire, "acquire", "take a lock; prints the id of the lease", acquire_flags,
                resource_alone},
    CommandKind{Command::release, "release", "give a lock back", plain_flags, resource_and_lease},
    CommandKind{Command::renew, "renew", "count a lease's time anew", renew_flags, resource_and_lease},
    CommandKind{Command::current, "current", "show who holds a lock", current_flags, resource_alone},
    CommandKind{Command::is_held, "is-held", "exit 0 if this lease holds the lock, else 1", plain_flags,
                resource_and_lease},
};

constexpr std::string_view exits =
    "\nExit codes:\n"
    "  0  done\n"
    "  1  current: no lock; is-held: not held; all: anything else that went wrong\n"
    "  2  acquire: somebody else holds the lock; all: a wrong command line\n"
    "  3  renew: the lease is not the lock's active one\n";

constexpr std::string_view places =
    "\nThe configuration is the first of these that exists: -c FILE, $STORMLOCK_CONFIG, ./.stormlock.cfg,\n"
    "$XDG_CONFIG_HOME/stormlock.cfg (~/.config/stormlock.cfg), ~/.stormlock.cfg.\n";

std::string line(std::string term, std::string_view meaning) {
  term = "  " + term;
  term.resize(std::max<std::size_t>(term.size() + 2, 24), ' ');
  return term.append(meaning) + '\n';
}

std::string term_of(const FlagKind& flag) {
  std::string term;
  if (flag.letter != 0) term += std::string("-") + flag.letter + ", ";
  term.append("--").append(flag.name);
  if (!flag.value.empty()) term.append(" ").append(flag.value);
  return term;
}

}  // namespace

std::span<const CommandKind> command_kinds() {
  return kinds;
}

std::span<const FlagKind> global_flags() {
  return program_flags;
}

std::string spelling(const FlagKind& flag) {
  std::string text;
  if (flag.letter != 0) text += std::string("-") + flag.letter + '/';
  return text.append("--").append(flag.name);
}

std::string called(const CommandKind* kind) {
  std::string name = "stormlock";
  if (kind != nullptr) name.append(" ").append(kind->name);
  return name;
}

std::string usage(const CommandKind* kind) {
  std::string text = "usage: " + called(kind);
  for (const FlagKind& flag : kind == nullptr ? global_flags() : kind->flags) {
    text += " [";
    text += flag.letter != 0 ? std::string("-") + flag.letter : "--" + std::string(flag.name);
    if (!flag.value.empty()) text.append(" ").append(flag.value);
    text += ']';
  }
  if (kind == nullptr) return text + " {acquire,release,renew,current,is-held} ...\n";
  for (const WordKind& word : kind->words) text.append(" ").append(word.name);
  return text + '\n';
}

std::string help(const CommandKind* kind) {
  std::string text = usage(kind) + '\n';
  if (kind == nullptr) {
    text += "Locks for people, in a database that they share or at a Lockkeeper server.\n\nCommands:\n";
    for (const CommandKind& one : kinds) text += line(std::string(one.name), one.meaning);
  } else {
    text.append(called(kind)).append(": ").append(kind->meaning).append(".\n\nWords:\n");
    for (const WordKind& word : kind->words) text += line(std::string(word.name), word.meaning);
  }
  text += "\nOptions:\n";
  for (const FlagKind& flag : kind == nullptr ? global_flags() : kind->flags)
    text += line(term_of(flag), flag.meaning);
  if (kind == nullptr) text.append(places).append(exits);
  return text;
}

}  // namespace lockkeeper::cli::stormlock
