#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <variant>

#include "engine/store_error.h"
#include "stores/sqlite/database_file.h"
#include "stores/sqlite/locker_file.h"
#include "stores/sqlite/records.h"

namespace lockkeeper::stores {

namespace {

using engine::StoreError;

// One event and one version a holder, so that each hold has a fencing token of its own.
engine::Commit imported(const sqlite::LockerLock& lock, locks::WallTime now) {
  locks::Change change;
  change.creates = true;
  change.head.key = lock.key;
  change.head.changed = now;
  for (const auto& [holder, count] : lock.holders) {
    const auto version = ++change.head.version;
    change.head.tallies.push_back(
        {.holder = holder, .count = count, .oldest = version, .newest = version, .since = now});
    locks::Event event;
    event.version = version;
    event.at = now;
    event.change = "import";
    event.what = locks::What::imported;
    event.holder = holder;
    event.token = version;
    event.count = count;
    event.door = "locker";
    change.events.push_back(std::move(event));
  }
  return {lock.name, std::move(change)};
}

void write(const std::vector<sqlite::LockerLock>& locks, const std::string& path) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto database = sqlite::create_database_file(path);
  sqlite::Heads heads(*database, SqliteOptions{}.redo_entries);
  sqlite::History history(*database, heads);
  sqlite::Records records(*database, heads, history);
  database->execute("BEGIN IMMEDIATE");
  for (const auto& lock : locks) {
    if (!std::holds_alternative<engine::Committed>(records.commit(imported(lock, now)))) {
      throw StoreError("cannot import lock '" + lock.name + "': it is there already");
    }
  }
  heads.settle_all();
  database->execute("COMMIT");  // a rollback journal's commit: the file itself is synced
}

// Never over a file that came to be in the meantime.
void move_into_place(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    const std::string why = std::strerror(errno);
    throw StoreError("cannot make " + to + " of the imported locks: " + why);
  }
  sqlite::sync_folder_of(to);
}

}  // namespace

std::size_t import_locker_file(const std::string& locker_file, const std::string& path) {
  const auto locks = sqlite::read_locker_file(locker_file);
  const auto temporary = path + ".importing";
  ::unlink(temporary.c_str());  // of an import that was cut short
  try {
    write(locks, temporary);
    move_into_place(temporary, path);
  } catch (const sqlite::SqliteError& error) {
    ::unlink(temporary.c_str());
    throw StoreError("cannot import " + locker_file + " into " + temporary + ": " + error.what());
  } catch (const StoreError&) {
    ::unlink(temporary.c_str());
    throw;
  }
  return locks.size();
}

}  // namespace lockkeeper::stores
