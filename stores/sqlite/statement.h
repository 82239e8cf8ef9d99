// Prepared statements. A Statement is prepared once; an Execution is one run of it, and resets it at its end,
// since a statement that is not reset keeps its transaction open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stores/sqlite/database.h"

struct sqlite3_stmt;

namespace lockkeeper::stores::sqlite {

class Statement {
 public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

 private:
  friend class Execution;
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

// Bytes that are not to be compared as text.
struct Blob {
  std::string_view bytes;
};

class Execution {
 public:
  // Arguments are bound by reference: they must stay as they are until the execution ends.
  template <class... Arguments>
  explicit Execution(Statement& statement, const Arguments&... arguments) : statement_(statement) {
    int index = 0;
    (bind(++index, arguments), ...);
  }
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  bool next();  // to the next row; false: there is none
  std::int64_t integer(int column) const;
  std::string_view bytes(int column) const;  // until next()

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, bool value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char*) = delete;
  void bind(int index, Blob blob);

  Statement& statement_;
};

// Runs a statement that gives no rows.
template <class... Arguments>
void run(Statement& statement, const Arguments&... arguments) {
  Execution execution(statement, arguments...);
  while (execution.next()) {
  }
}

// The only value of a query that gives one.
std::int64_t integer(Database& database, const char* sql);
std::string text(Database& database, const char* sql);

}  // namespace lockkeeper::stores::sqlite
