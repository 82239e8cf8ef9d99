#include "stores/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>

namespace lockkeeper::stores::sqlite {

namespace {

int primary(int code) {
  return code & 0xff;
}

int note_frames(void* frames, sqlite3*, const char*, int number) {
  *static_cast<std::int64_t*>(frames) = number;
  return SQLITE_OK;
}

}  // namespace

SqliteError::SqliteError(int code, int system_error, const std::string& what)
    : std::runtime_error(what), code_(code), system_error_(system_error) {}

bool SqliteError::busy() const {
  return primary(code_) == SQLITE_BUSY || primary(code_) == SQLITE_LOCKED;
}

bool SqliteError::no_room() const {
  if (primary(code_) == SQLITE_FULL) return true;
  return primary(code_) == SQLITE_IOERR && !fsync_failed() && (system_error_ == ENOSPC || system_error_ == EDQUOT);
}

bool SqliteError::fsync_failed() const {
  return code_ == SQLITE_IOERR_FSYNC || code_ == SQLITE_IOERR_DIR_FSYNC;
}

bool SqliteError::damage() const {
  return primary(code_) == SQLITE_CORRUPT || primary(code_) == SQLITE_NOTADB;
}

bool SqliteError::write_failed() const {
  return primary(code_) == SQLITE_FULL || code_ == SQLITE_IOERR_WRITE;
}

Database::Database(const std::string& path, Mode mode, const std::string& vfs) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const SqliteError error(code, handle_ ? sqlite3_system_errno(handle_) : 0,
                            handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
    sqlite3_close_v2(handle_);
    throw error;
  }
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Takes the place of the automatic checkpoint, which would swallow its errors, a failed fsync among them.
  sqlite3_wal_hook(handle_, note_frames, &wal_frames_);
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

void Database::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "checkpoint");
  wal_frames_ = 0;
}

void Database::finish() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "checkpoint");
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

void Database::fail(int code, const std::string& doing) const {
  throw SqliteError(code, sqlite3_system_errno(handle_), std::string(sqlite3_errmsg(handle_)) + " (" + doing + ")");
}

}  // namespace lockkeeper::stores::sqlite
