// A file that an older version wrote keeps all that is in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <string>
#include <variant>

#include "stores/sqlite/sqlite_store.h"
#include "tests/support/asking.h"
#include "tests/support/fake_boot_clock.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Schema 1 as it was released, and what a server left in it that was killed: heads that only the ring has.
constexpr const char* version_1 = R"(
  PRAGMA page_size=4096;
  PRAGMA journal_mode=WAL;
  BEGIN;
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
  PRAGMA application_id=1282109554;
  PRAGMA user_version=1;

  INSERT INTO meta VALUES('floor', 3), ('settled', 1);
  INSERT INTO locks VALUES
    ('named', 5, 0, 1700000000000, 1, 1, CAST('{"c":1700000000000,"k":"secret"}' AS BLOB)),
    ('plain', 8, 0, 1700000000000, 0, 0, CAST('{"c":1700000000000}' AS BLOB));
  INSERT INTO rows VALUES
    ('named', 1, 'build 7', CAST('{"n":"build 7","h":"ci","t":5,"s":1700000000000,"w":5}' AS BLOB)),
    ('named', 3, 'build 6', CAST('{"n":"build 6","u":4,"s":1700000000000}' AS BLOB));
  INSERT INTO redo VALUES(2, 2, 'plain', 9, 1, 1700000001000, 1, 0,
    CAST('{"c":1700000001000,"k":"k","t":[{"h":"ann","n":2,"o":9,"w":9,"s":1700000001000}]}' AS BLOB));
  INSERT INTO history VALUES(1, 0, 'plain', 9, 1700000001000,
    CAST('{"v":9,"s":1700000001000,"c":"c9","e":"acquired","h":"ann","t":9}' AS BLOB));
  COMMIT;
)";

class SqliteMigration : public testing::Test {
 protected:
  SqliteMigration() {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, version_1, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  stores::SqliteOptions options() const {
    stores::SqliteOptions options;
    options.path = path_;
    options.boot_clock = &clock_;
    return options;
  }

  static locks::Record read(support::Asking& ask, const std::string& lock) {
    return std::get<engine::Found>(ask(engine::Read{lock})).record.value_or(locks::Record{});
  }

  static engine::Scanned timed(support::Asking& ask) {
    engine::Scan question;
    question.timed_only = true;
    return std::get<engine::Scanned>(ask(question));
  }

  support::TemporaryFolder folder_;
  const std::string path_ = folder_ / "locks.db";
  support::FakeBootClock clock_;
};

TEST_F(SqliteMigration, KeepsLocksClaimsClosedNamesHistoryAndTheFloor) {
  const locks::WallTime then{std::chrono::milliseconds(1'700'000'000'000)};
  locks::Claim claim;
  claim.name = "build 7";
  claim.holder = "ci";
  claim.token = claim.renewed = claim.granted = 5;
  claim.since = then;
  for (int opened = 0; opened < 2; ++opened) {
    stores::SqliteStore store(options());
    support::Asking ask(store);
    const auto named = read(ask, "named");
    EXPECT_EQ(named.head.version, 5U);
    EXPECT_EQ(named.head.key, "secret");
    EXPECT_THAT(named.claims, ElementsAre(claim));
    EXPECT_THAT(named.closed, ElementsAre(locks::ClosedName{"build 6", 4, then}));
    const auto plain = read(ask, "plain");
    EXPECT_EQ(plain.head.version, 9U);
    EXPECT_EQ(locks::count(plain, "ann"), 2U);
    EXPECT_EQ(std::get<engine::HistoryRead>(ask(engine::ReadHistory{"plain"})).events.size(), 1U);
    EXPECT_EQ(std::get<engine::Found>(ask(engine::Read{"unknown"})).floor, 3U);
    EXPECT_THAT(timed(ask).locks, IsEmpty()) << "nothing could lapse then";
  }
}

TEST_F(SqliteMigration, ItsClaimsHaveNoAgeUntilTheyAreWrittenAnew) {
  stores::SqliteStore store(options());
  support::Asking ask(store);
  const auto lease = [&](locks::Version expected) {
    locks::Change change;
    change.expected = expected;
    change.head = read(ask, "named").head;
    change.head.version = expected + 1;
    change.head.timed = 1;
    return change;
  };
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(ask(engine::Commit{"named", lease(5)})));
  ASSERT_EQ(timed(ask).locks.size(), 1U);
  EXPECT_THAT(timed(ask).locks.front().ages, IsEmpty());
  auto renewed = lease(6);
  auto claim = read(ask, "named").claims.front();
  claim.ttl = std::chrono::seconds(60);
  renewed.rows.emplace_back(locks::Row(claim));
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(ask(engine::Commit{"named", renewed})));
  clock_.pass(std::chrono::seconds(4));
  const auto ages = timed(ask).locks.front().ages;
  ASSERT_EQ(ages.size(), 1U);
  EXPECT_EQ(ages.front().written, std::chrono::seconds(4));
  EXPECT_EQ(ages.front().made, std::chrono::seconds(4));
}

}  // namespace
}  // namespace lockkeeper
