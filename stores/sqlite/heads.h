// The heads of all locks: most in the table `locks`, those that changed lately in memory too.
//
// Locks change in no order, so writing each head to its place would cost a page of 4 KiB a commit, in the WAL and
// again in the checkpoint. Instead a commit appends its head to a ring (`redo`), where dozens share a page, and
// the table gets the heads later, many at a time and in the order of their names. After a crash the ring tells
// what the table lacks. All of this lies inside the commit's transaction: nothing is durable later than before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "locks/record.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

struct StoredHead {
  locks::Version version = 0;
  std::int64_t newest = 0;   // seq of its newest event in history; 0: none
  std::int64_t changed = 0;  // milliseconds since the epoch
  bool held = false;
  bool has_rows = false;  // false: the table `rows` has none of it
  std::string body;
};

class Heads {
 public:
  Heads(Database& database, std::size_t redo_entries);

  struct Current {
    locks::Version version = 0;
    std::int64_t newest = 0;
    bool has_rows = false;
  };
  std::optional<Current> current(std::string_view lock);
  std::optional<StoredHead> read(std::string_view lock);

  // All of these inside a transaction that ends in committed() or rolled_back().
  void put(const std::string& lock, StoredHead head);
  void erase(const std::string& lock);
  void settle(std::size_t commits);  // after so many put()s: keeps the ring from running over
  void settle_all();
  void committed();
  void rolled_back();

  using Recent = std::map<std::string, StoredHead, std::less<>>;
  const Recent& recent() const { return recent_; }

 private:
  struct Progress {
    std::int64_t last = 0;     // number of the newest entry of the ring
    std::int64_t settled = 0;  // up to this one the table has everything
    std::int64_t sweep = 0;    // where `settled` will be when the sweep that is under way is through; 0: none is
    std::string swept;         // by that sweep, up to this name
  };
  struct Undo {
    std::string lock;
    std::optional<StoredHead> before;
  };
  void redo();
  void settle_one(Recent::iterator entry);
  void end_sweep();

  const std::int64_t ring_;  // how many entries it has
  Statement current_;
  Statement select_;
  Statement replace_;
  Statement delete_;
  Statement append_;
  Statement redo_;
  Statement note_settled_;
  Recent recent_;  // newer than the table
  Progress progress_;
  Progress committed_;
  std::vector<Undo> undo_;  // of this transaction, oldest first
};

// All heads whose names are not before `from`, in byte order, wherever they are.
class HeadsFrom {
 public:
  HeadsFrom(Statement& table, const Heads::Recent& recent, const std::string& from);

  // SELECT for `table`.
  static constexpr const char* sql =
      "SELECT name, version, newest, changed, held, has_rows, body FROM locks WHERE name >= ? ORDER BY name";

  bool next();
  // Of the current one; until next().
  std::string_view name() const { return recent_now_ ? std::string_view(at_->first) : row_.bytes(0); }
  locks::Version version() const;
  bool held() const { return recent_now_ ? at_->second.held : row_.integer(4) != 0; }
  bool has_rows() const { return recent_now_ ? at_->second.has_rows : row_.integer(5) != 0; }
  std::string_view body() const { return recent_now_ ? std::string_view(at_->second.body) : row_.bytes(6); }

 private:
  Execution row_;
  Heads::Recent::const_iterator at_;
  Heads::Recent::const_iterator end_;
  bool row_there_;
  bool recent_now_ = false;
  bool started_ = false;
};

}  // namespace lockkeeper::stores::sqlite
