// Records as rows of the tables `locks` and `rows`. All within one connection's thread; throws SqliteError, and
// wire::WireError for a record that cannot be read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/store.h"
#include "stores/sqlite/heads.h"
#include "stores/sqlite/history.h"
#include "stores/sqlite/stamps.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

class Records {
 public:
  Records(Database& database, Heads& heads, History& history, Stamps& stamps);

  engine::Found read(const engine::Read& question);
  engine::Scanned scan(const engine::Scan& question);
  engine::FreeFound find_free(const engine::FindFree& question);

  // These write: inside a transaction, and rolled_back() if it is.
  std::variant<engine::Committed, engine::Conflict> commit(const engine::Commit& question);
  engine::Pruned prune(const engine::Prune& question);
  void stamp_again(const engine::Commit& committed, Stamp stamp);
  void rolled_back();

 private:
  std::optional<locks::Record> record(const std::string& lock);
  engine::Scanned scan_heads(const engine::Scan& question);
  engine::Scanned scan_timed(const engine::Scan& question);
  locks::Record assemble(std::string_view lock, locks::Version version, bool has_rows, std::string_view body);
  locks::Record decode(std::string_view lock, locks::Version version, bool has_rows, std::string_view body);
  std::vector<engine::Age> ages(const std::string& lock);
  void write_rows(const std::string& lock, const std::vector<locks::RowOperation>& operations);
  bool has_rows(const std::string& lock);

  Database& database_;
  Heads& heads_;
  History& history_;
  Stamps& stamps_;
  Statement select_rows_;
  Statement any_row_;
  Statement put_row_;
  Statement stamp_row_;
  Statement delete_row_;
  Statement delete_rows_;
  Statement select_stamps_;
  Statement note_timed_;
  Statement forget_timed_;
  Statement timed_from_;
  Statement from_;
  Statement slice_;
  Statement raise_floor_;
  locks::Version floor_ = 0;
  std::string examined_;  // by find_free(): up to this name
  std::string text_;      // of the row being written
};

}  // namespace lockkeeper::stores::sqlite
