// What Redis runs by itself, all or nothing. A script's checks come before its first write: that is where Redis
// refuses for want of memory or disk, and there is no roll-back.
//
// Keys, after a prefix ("lockkeeper:"):
//   meta              hash: layout, epoch (of this set of data), floor
//   lock:NAME         hash: v = VERSION:FLAGS:CHANGED (flags: 1 held, 2 timed, 3 both; milliseconds), h = the head,
//   and
//                     a field KIND:ID a row
//   history:NAME      list, oldest first: "VERSION MILLISECONDS EVENT"
//   names, held, timed, histories   sorted sets of names, all with the score 0: in byte order
//   changed           the channel: VERSION:BYTES:NAME, once or more
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lockkeeper::stores::redis {

inline constexpr const char* layout = "1";

struct Script {
  std::string text;
  std::string sha;  // Redis' name for it, once it is loaded
};

// For one prefix.
struct Scripts {
  explicit Scripts(const std::string& prefix);

  // ARGV: layout, epoch to begin with, the epoch that is known or "", the floor for a new epoch or one that is
  // not known. -> {layout, epoch, floor}
  Script open;
  // KEYS: locks. ARGV, for each: "VERSION:" that is expected, or "+FLOOR" of one to be created; what the channel is
  // told; the fields v and h; flags; how many words follow for HSET, for HDEL and for RPUSH, and those. -> 1: all
  // committed, or for each 1 or {hash, floor}
  Script commit;
  // KEYS: lock. ARGV: expected version. -> 1 or 0
  Script prune;
  // ARGV: the name to begin from (inclusive), milliseconds, limit, how many to look at. -> {names, the next name or
  // ""}
  Script find_free;
  // ARGV: name, after, limit, newest first (1 or 0). -> {oldest version, more (1 or 0), events}
  Script history;
  // ARGV: the name to begin from (inclusive), milliseconds, per lock, limit. -> {dropped, the next name or ""}
  Script trim;

  std::array<Script*, 5> loaded() { return {&commit, &prune, &find_free, &history, &trim}; }
};

}  // namespace lockkeeper::stores::redis
