// History's rows: appended with their change, read back lock by lock, forgotten in slices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"
#include "stores/sqlite/heads.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

class History {
 public:
  History(Database& database, Heads& heads);

  // Inside a transaction. `newest`: seq of the lock's newest row so far. Returns the new one.
  std::int64_t append(const std::string& lock, std::int64_t newest, const std::vector<locks::Event>& events);

  // Inside a transaction. The lock goes, its history stays until it is trimmed.
  void prune(const std::string& lock, locks::Version version, std::int64_t newest);
  // And is there again: seq of the newest row that it left, or 0.
  std::int64_t take_up(const std::string& lock);

  engine::HistoryRead read(const engine::ReadHistory& question);

  // Inside a transaction. Goes on where the slice before ended.
  engine::Trimmed trim(const engine::TrimHistory& question);

 private:
  struct Link {
    std::int64_t seq;
    locks::Version version;
  };
  std::vector<Link> chain(const std::string& lock);  // newest first
  bool too_many(std::string_view lock, locks::Version version, std::uint64_t per_lock);

  Heads& heads_;
  Statement insert_;
  Statement link_;
  Statement body_;
  Statement slice_;
  Statement pruned_;
  Statement note_pruned_;
  Statement drop_pruned_;
  Statement delete_;
  Statement note_last_;
  std::int64_t last_ = 0;      // seq given last; never given again, or a stale `previous` would find a stranger
  std::int64_t examined_ = 0;  // by trim(): up to this seq
  std::string text_;           // of the event being written
};

}  // namespace lockkeeper::stores::sqlite
