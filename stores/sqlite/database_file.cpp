#include "stores/sqlite/database_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "engine/store_error.h"
#include "stores/sqlite/new_file.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

namespace {

using engine::StoreError;

// A whole check reads every page: 1.3 s for the 370 MiB of 1,000,000 locks that the page cache has. Beyond this
// size a damaged page is found when it is used, which ends the server.
constexpr std::int64_t checked_whole_bytes = 512 << 20;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw StoreError("cannot use " + path + ": " + why);
}

std::optional<std::int64_t> size_of(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0) return status.st_size;
  if (errno == ENOENT) return std::nullopt;
  refuse(path, std::strerror(errno));
}

// Whole or not at all: a first start that is killed, or finds the disk full, leaves nothing that a later one would
// have to tell from a database that was damaged.
void make(const std::string& path, const std::string& vfs) {
  NewFile file(path);
  create_database(file.temporary(), vfs);
  file.put_in_place();  // or another server was first, and has it
}

// SQLite would take an empty file for a new database and delete the WAL beside it.
void prepare(const std::string& path, const std::string& vfs) {
  const auto size = size_of(path);
  const auto wal = size_of(path + "-wal");
  if (size.value_or(0) == 0 && wal.value_or(0) > 0) {
    refuse(path, std::string(size ? "it is empty" : "it is missing") + " although " + path +
                     "-wal holds changes that belong to it: it is damaged, and was left as it is");
  }
  if (!size) make(path, vfs);
}

void expect(Database& database, const char* pragma, const std::string& wanted) {
  const auto found = text(database, pragma);
  if (found != wanted) throw StoreError("wanted " + std::string(pragma) + " " + wanted + ", got " + found);
}

void configure(Database& database, bool synchronous_full) {
  database.execute(
      "PRAGMA locking_mode=EXCLUSIVE;"  // one server a file, and the WAL's index in our own memory
      "PRAGMA page_size=4096;"
      "PRAGMA encoding='UTF-8';"   // names then sort by memcmp
      "PRAGMA cache_size=-32768;"  // KiB
      "PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY;"
      "PRAGMA cell_size_check=ON;"
      "PRAGMA secure_delete=FAST;"  // wipes old keys from pages that are written anyway
      "PRAGMA journal_size_limit=67108864;");
  database.execute(synchronous_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
  expect(database, "PRAGMA synchronous", synchronous_full ? "2" : "0");
}

void check(Database& database) {
  const auto pages = integer(database, "PRAGMA page_count");
  if (pages * integer(database, "PRAGMA page_size") > checked_whole_bytes) return;
  const auto verdict = text(database, "PRAGMA quick_check(1)");
  if (verdict != "ok") throw StoreError("it is damaged, and was left as it is: " + verdict);
}

// An empty file is only ever taken for a new database when it was made to become one: all of ours are made whole,
// so that one which is empty later has lost what it held.
void take_over(Database& database, const std::string& path, bool synchronous_full, bool fresh) {
  configure(database, synchronous_full);
  database.execute("BEGIN EXCLUSIVE");
  // Now that nobody else can write to it, and an old rollback journal has been played back. (SQLite itself already
  // counts the page it is going to write.)
  if (!fresh && size_of(path) == 0) {
    throw StoreError("it is empty, so whatever it held is lost; if that was nothing, remove it and start again");
  }
  if (!fresh) check(database);
  migrate(database, fresh);
  database.execute("COMMIT");
}

template <class Action>
auto explained(const std::string& path, Action action) {
  try {
    return action();
  } catch (const StoreError& error) {
    refuse(path, error.what());
  } catch (const SqliteError& error) {
    if (error.busy()) refuse(path, "it is in use by another process, probably another server");
    if (error.damage()) refuse(path, "it is damaged, and was left as it is: " + std::string(error.what()));
    refuse(path, error.what());
  }
}

}  // namespace

std::unique_ptr<Database> open_database_file(const SqliteOptions& options) {
  prepare(options.path, options.vfs);
  return explained(options.path, [&] {
    auto database = std::make_unique<Database>(options.path, Database::Mode::existing, options.vfs);
    take_over(*database, options.path, options.synchronous_full, false);
    expect(*database, "PRAGMA journal_mode=WAL", "wal");
    expect(*database, "PRAGMA locking_mode", "exclusive");
    return database;
  });
}

std::unique_ptr<Database> create_database(const std::string& empty_file, const std::string& vfs) {
  return explained(empty_file, [&] {
    auto database = std::make_unique<Database>(empty_file, Database::Mode::existing, vfs);
    take_over(*database, empty_file, true, true);
    return database;
  });
}

}  // namespace lockkeeper::stores::sqlite
