#include "stores/sqlite/statement.h"

#include <sqlite3.h>

namespace lockkeeper::stores::sqlite {

Statement::Statement(Database& database, const char* sql) : database_(database) {
  const int code = sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) database.fail(code, sql);
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Execution::~Execution() {
  sqlite3_reset(statement_.handle_);
}

bool Execution::next() {
  const int code = sqlite3_step(statement_.handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  statement_.database_.fail(code, sqlite3_sql(statement_.handle_));
}

std::int64_t Execution::integer(int column) const {
  return sqlite3_column_int64(statement_.handle_, column);
}

std::string_view Execution::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.handle_, column);
  const int size = sqlite3_column_bytes(statement_.handle_, column);
  return size > 0 ? std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size))
                  : std::string_view();
}

void Execution::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.handle_, index, value);
  if (code != SQLITE_OK) statement_.database_.fail(code, "bind");
}

// A null destructor (SQLITE_STATIC): no copy is made.
void Execution::bind(int index, std::string_view text) {
  const char* data = text.data() ? text.data() : "";  // a null pointer would bind NULL
  const int code = sqlite3_bind_text64(statement_.handle_, index, data, text.size(), nullptr, SQLITE_UTF8);
  if (code != SQLITE_OK) statement_.database_.fail(code, "bind");
}

void Execution::bind(int index, Blob blob) {
  const char* data = blob.bytes.data() ? blob.bytes.data() : "";
  const int code = sqlite3_bind_blob64(statement_.handle_, index, data, blob.bytes.size(), nullptr);
  if (code != SQLITE_OK) statement_.database_.fail(code, "bind");
}

std::int64_t integer(Database& database, const char* sql) {
  Statement statement(database, sql);
  Execution execution(statement);
  return execution.next() ? execution.integer(0) : 0;
}

std::string text(Database& database, const char* sql) {
  Statement statement(database, sql);
  Execution execution(statement);
  return execution.next() ? std::string(execution.bytes(0)) : std::string();
}

}  // namespace lockkeeper::stores::sqlite
