#include <chrono>
#include <variant>

#include "engine/store_error.h"
#include "stores/sqlite/database_file.h"
#include "stores/sqlite/locker_file.h"
#include "stores/sqlite/new_file.h"
#include "stores/sqlite/records.h"
#include "stores/sqlite/stamps.h"
#include "stores/sqlite/system_boot_clock.h"

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
  const auto database = sqlite::create_database(path);
  sqlite::Heads heads(*database, SqliteOptions{}.redo_entries);
  sqlite::History history(*database, heads);
  const sqlite::SystemBootClock clock;
  sqlite::Stamps stamps(*database, clock, SqliteOptions{}.age_allowance);
  sqlite::Records records(*database, heads, history, stamps);
  database->execute("BEGIN IMMEDIATE");
  for (const auto& lock : locks) {
    if (!std::holds_alternative<engine::Committed>(records.commit(imported(lock, now)))) {
      throw StoreError("cannot import lock '" + lock.name + "': it is there already");
    }
  }
  heads.settle_all();
  database->execute("COMMIT");  // a rollback journal's commit: the file itself is synced
}

}  // namespace

std::size_t import_locker_file(const std::string& locker_file, const std::string& path) {
  const auto locks = sqlite::read_locker_file(locker_file);
  sqlite::NewFile file(path);
  try {
    write(locks, file.temporary());
  } catch (const sqlite::SqliteError& error) {
    throw StoreError("cannot import " + locker_file + " into " + path + ": " + error.what());
  }
  if (!file.put_in_place()) throw StoreError("cannot make " + path + " of the imported locks: it is there already");
  return locks.size();
}

}  // namespace lockkeeper::stores
