#include "stores/sqlite/schema.h"

#include <iterator>
#include <string>

#include "engine/store_error.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

namespace {

// Step n takes a file from user_version n to n + 1. Steps are never changed once released, only added.
//
// history has no index but its key on purpose: it only ever grows at its end, where an index would touch a page
// at random, and so one more 4 KiB frame of the WAL, for every event. A lock's history is read by following
// `previous` from locks.newest; a row that is not there any more (trimmed) ends it.
constexpr const char* steps[] = {
    R"(
      CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE locks(
        name TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        newest INTEGER NOT NULL,    -- seq of its newest event; 0: none
        changed INTEGER NOT NULL,   -- milliseconds since the epoch
        held INTEGER NOT NULL,
        has_rows INTEGER NOT NULL,  -- 0: `rows` has none of it, so that a plain lock is one lookup
        body BLOB NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE rows(
        lock TEXT NOT NULL,
        kind INTEGER NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY(lock, kind, id)
      ) WITHOUT ROWID;
      CREATE TABLE history(
        seq INTEGER PRIMARY KEY,
        previous INTEGER NOT NULL,  -- seq of the lock's event before; 0: none
        lock TEXT NOT NULL,
        version INTEGER NOT NULL,
        at INTEGER NOT NULL,        -- milliseconds since the epoch
        body BLOB NOT NULL
      );
      CREATE TABLE redo(  -- a ring: heads that `locks` may not have yet (heads.h)
        slot INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        lock TEXT NOT NULL,
        version INTEGER NOT NULL,
        newest INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        held INTEGER NOT NULL,
        has_rows INTEGER NOT NULL,
        body BLOB NOT NULL
      );
      CREATE TABLE pruned(  -- locks that are forgotten while some of their history is not
        lock TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        newest INTEGER NOT NULL
      ) WITHOUT ROWID;
    )",
    // A table of its own, and not a column of `locks` with an index: whatever is neither leased nor queued for
    // touches none of it, and it is current whatever the ring still holds.
    R"(
      CREATE TABLE timed(lock TEXT PRIMARY KEY) WITHOUT ROWID;  -- those with something that can lapse
      ALTER TABLE rows ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;     -- meta.boot when it was written (stamps.h)
      ALTER TABLE rows ADD COLUMN made INTEGER NOT NULL DEFAULT 0;     -- milliseconds of that boot's clock
      ALTER TABLE rows ADD COLUMN written INTEGER NOT NULL DEFAULT 0;  -- likewise
    )",
};
constexpr int current = static_cast<int>(std::size(steps));

}  // namespace

void migrate(Database& database, bool fresh) {
  if (!fresh && integer(database, "PRAGMA application_id") != application_id) {
    throw engine::StoreError("it is a database of another program");
  }
  const auto found = integer(database, "PRAGMA user_version");
  if (found > current) {
    throw engine::StoreError("its schema is version " + std::to_string(found) + ", this program knows " +
                             std::to_string(current) + ": a newer lockkeeper wrote it");
  }
  if (found < 0 || (found == 0 && !fresh)) throw engine::StoreError("its schema has no version: it is damaged");
  for (auto step = found; step < current; ++step) database.execute(steps[step]);
  if (found == current) return;
  if (fresh) database.execute(("PRAGMA application_id=" + std::to_string(application_id)).c_str());
  database.execute(("PRAGMA user_version=" + std::to_string(current)).c_str());
}

}  // namespace lockkeeper::stores::sqlite
