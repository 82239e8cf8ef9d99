#include "cli/lockctl/commands.h"

#include <array>

namespace lockkeeper::cli::lockctl {
namespace {

using Manner = CommandKind::Manner;
using Takes = Flag::Takes;

constexpr Flag ttl{"ttl", Takes::value, "DURATION",
                   "it frees itself after so long; without it, it stands until unlocked"};
constexpr Flag run_ttl{"ttl", Takes::value, "DURATION",
                       "of the lease, which is renewed while the command runs: 30s"};
constexpr Flag wait{"wait", Takes::maybe_duration, "[DURATION]", "wait in the lock's queue, for so long at most"};
constexpr Flag as{"as", Takes::value, "HOLDER", "[LOCKCTL_HOLDER] who holds it: USER@HOST unless told otherwise"};
constexpr Flag key{"key", Takes::value, "KEY",
                   "[LOCKCTL_KEY] holders with the same key share the lock; without it nobody else has yours"};
constexpr Flag claim{"claim", Takes::value, "CLAIM",
                     "what it is for: under one claim it is held once; \"lockctl HOLDER\" unless told otherwise"};
constexpr Flag metadata{"metadata", Takes::value, "NAME=VALUE", "shown beside the claim; may be repeated"};
constexpr Flag interval{"interval", Takes::value, "DURATION", "between two looks: 2s unless told otherwise"};

constexpr std::array list_flags = {
    Flag{"watch", Takes::nothing, "", "go on: redraw on a terminal, else print a line for each change"}, interval};
constexpr std::array lock_flags = {ttl, wait, as, key, claim, metadata};
constexpr std::array unlock_flags = {
    as, key, claim, Flag{"all", Takes::nothing, "", "every claim of this holder with this key, whatever its name"}};
constexpr std::array history_flags = {
    Flag{"limit", Takes::value, "N", "the last N events: 20 unless told otherwise"},
    Flag{"follow", Takes::nothing, "", "go on with what happens from now on"}, interval};
constexpr std::array force_flags = {
    Flag{"reason", Takes::value, "TEXT", "why, for the lock's history and for who held it; needed"}};
constexpr std::array run_flags = {
    run_ttl,
    wait,
    as,
    key,
    claim,
    metadata,
    Flag{"grace", Takes::value, "DURATION",
         "from TERM to KILL when the lease is lost: 10s, a third of the ttl at most"}};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);
constexpr const char* one_lock = "NAME";

constexpr std::array all = {
    CommandKind{"list", "[PREFIX]", 0, 1, "who holds what, and how many wait", list_flags, Candidates::locks, "",
                Manner::asks, list},
    CommandKind{
        "show", one_lock, 1, 1, "one lock: holders, claims, queue", {}, Candidates::locks, "", Manner::asks, show},
    CommandKind{"lock", one_lock, 1, 1, "take it; doing so twice holds it once", lock_flags, Candidates::locks, "",
                Manner::asks, lock},
    CommandKind{"unlock", one_lock, 1, 1, "give back what lock took, or a place in the queue", unlock_flags,
                Candidates::locks, "", Manner::asks, unlock},
    CommandKind{
        "queue", one_lock, 1, 1, "who waits, the next first", {}, Candidates::locks, "", Manner::asks, queue},
    CommandKind{"history", one_lock, 1, 1, "what happened to it", history_flags, Candidates::locks, "",
                Manner::asks, history},
    CommandKind{"force-release", one_lock, 1, 1, "end all claims, whoever holds them; who waits gets it",
                force_flags, Candidates::locks, "", Manner::asks, force_release},
    CommandKind{
        "status", "", 0, 0, "what the server is and counts", {}, Candidates::none, "", Manner::asks, status},
    CommandKind{"run", "NAME -- COMMAND [ARGUMENT...]", 2, any_number, "have the lock while a command runs",
                run_flags, Candidates::locks, "", Manner::runs, run_command},
    CommandKind{"completion",
                "bash|zsh|fish",
                1,
                1,
                "a script for that shell",
                {},
                Candidates::these,
                "bash zsh fish",
                Manner::local,
                completion},
    CommandKind{
        "__complete", "[WORD...]", 0, any_number, nullptr, {}, Candidates::none, "", Manner::local, complete},
};

}  // namespace

std::span<const CommandKind> commands() {
  return all;
}

}  // namespace lockkeeper::cli::lockctl
