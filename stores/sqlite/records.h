// Records as rows of the tables `locks` and `rows`. All within one connection's thread; throws SqliteError, and
// wire::WireError for a record that cannot be read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/store.h"
#include "stores/sqlite/heads.h"
#include "stores/sqlite/history.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

class Records {
 public:
  Records(Database& database, Heads& heads, History& history);

  engine::Found read(const engine::Read& question);
  engine::Scanned scan(const engine::Scan& question);
  engine::FreeFound find_free(const engine::FindFree& question);

  // These write: inside a transaction, and rolled_back() if it is.
  std::variant<engine::Committed, engine::Conflict> commit(const engine::Commit& question);
  engine::Pruned prune(const engine::Prune& question);
  void rolled_back();

 private:
  std::optional<locks::Record> record(const std::string& lock);
  locks::Record assemble(std::string_view lock, locks::Version version, bool has_rows, std::string_view body);
  locks::Record decode(std::string_view lock, locks::Version version, bool has_rows, std::string_view body);
  void write_rows(const std::string& lock, const std::vector<locks::RowOperation>& operations);
  bool has_rows(const std::string& lock);

  Database& database_;
  Heads& heads_;
  History& history_;
  Statement select_rows_;
  Statement any_row_;
  Statement replace_row_;
  Statement delete_row_;
  Statement delete_rows_;
  Statement from_;
  Statement slice_;
  Statement raise_floor_;
  locks::Version floor_ = 0;
  std::string examined_;  // by find_free(): up to this name
  std::string text_;      // of the row being written
};

}  // namespace lockkeeper::stores::sqlite
