// A connection to one SQLite file, and what its faults mean. No SQLite type leaves this folder.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

struct sqlite3;

namespace lockkeeper::stores::sqlite {

class SqliteError : public std::runtime_error {
 public:
  // `code`: SQLite's extended result code; `system_error`: errno of the call that failed, or 0.
  SqliteError(int code, int system_error, const std::string& what);

  int code() const { return code_; }
  bool busy() const;          // another process (or connection) has the file
  bool no_room() const;       // disk or quota full: nothing was written that counts
  bool fsync_failed() const;  // what the page cache holds cannot be trusted any more
  bool damage() const;        // not a database, or a broken one
  bool write_failed() const;  // a write was refused, so that a commit's last frame was never written

 private:
  int code_;
  int system_error_;
};

class Database {
 public:
  enum class Mode { existing, create };

  // For one thread at a time. `vfs` empty: SQLite's default. Throws SqliteError.
  Database(const std::string& path, Mode mode, const std::string& vfs = {});
  ~Database();  // leaves the WAL as it is: whoever gave up on a file does not write to it any more
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const char* sql);  // one or more statements without arguments; rows are ignored
  bool in_transaction() const;

  // Writes what the WAL holds into the file. Nobody else does: when, is up to the owner.
  void checkpoint();
  std::int64_t wal_frames() const { return wal_frames_; }  // after the last commit

  // Checkpoints, and lets the destructor remove the WAL.
  void finish();

  [[noreturn]] void fail(int code, const std::string& doing) const;
  sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
  std::int64_t wal_frames_ = 0;
};

}  // namespace lockkeeper::stores::sqlite
