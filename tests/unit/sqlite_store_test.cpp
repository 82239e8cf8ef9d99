// What is SQLite's own among the stores: its file, its lock, its schema, a full disk and a failed fsync. What all
// stores do is in the contract suite.
#include "stores/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <variant>

#include "engine/store_error.h"
#include "stores/sqlite/new_file.h"
#include "tests/support/asking.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unsynced_vfs.h"

namespace lockkeeper {
namespace {

using stores::SqliteOptions;
using stores::SqliteStore;
using support::UnsyncedVfs;
using testing::AllOf;
using testing::HasSubstr;

engine::Commit step(const std::string& lock, locks::Version expected) {
  locks::Change change;
  change.expected = expected;
  change.creates = expected == 0;
  change.head.version = expected + 1;
  change.head.key = "secret";
  change.head.tallies = {{"ci", 1, expected + 1, expected + 1, {}}};
  locks::Event event;
  event.version = expected + 1;
  event.change = "c" + std::to_string(expected + 1);
  event.holder = "ci";
  change.events.push_back(event);
  return {lock, change};
}

class SqliteFile : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> store(const std::string& vfs = {}) const {
    SqliteOptions options;
    options.path = path_;
    options.vfs = vfs;
    return std::make_unique<SqliteStore>(options);
  }

  static std::string name(int number, std::size_t padding = 0) {
    return "lock " + std::to_string(number) + std::string(padding, '.');
  }

  void fill(int locks, std::size_t padding = 0) const {
    const auto filled = store();
    support::Asking ask(*filled);
    std::vector<support::Question> questions;
    for (int i = 0; i < locks; ++i) questions.push_back(step(name(i, padding), 0));
    for (const auto& answer : ask(std::move(questions)))
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(answer));
  }

  std::string refusal() const {
    try {
      store();
      return "none";
    } catch (const engine::StoreError& error) {
      return error.what();
    }
  }

  std::string contents() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  void write(const std::string& path, const std::string& bytes) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  support::TemporaryFolder folder_;
  const std::string path_ = folder_ / "locks.db";
};

TEST_F(SqliteFile, IsMadeInWalModeForItsOwnerOnly) {
  store();
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(contents().substr(18, 2), "\x02\x02") << "https://sqlite.org/fileformat.html, 1.3.3";
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal")) << "nothing is left to recover";
}

TEST_F(SqliteFile, IsRefusedToASecondServerAsLongAsTheFirstHasIt) {
  const auto first = store();
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("in use by another")));
  first->close();
  EXPECT_EQ(refusal(), "none");
}

TEST_F(SqliteFile, IsRefusedToAnotherProcess) {
  const auto first = store();
  EXPECT_EXIT(
      {
        std::fprintf(stderr, "%s\n", refusal().c_str());
        std::_Exit(3);
      },
      testing::ExitedWithCode(3), "in use by another");
}

TEST_F(SqliteFile, IsNotTakenForANewOneWhenItIsEmpty) {
  write(path_, "");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("empty")));
  EXPECT_EQ(contents(), "") << "and left as it is";
}

TEST_F(SqliteFile, IsMadeWholeAlsoAfterAFirstTryThatWasKilled) {
  write(path_ + ".new", std::string(5000, 'h'));
  write(path_ + ".new-journal", std::string(5000, 'j'));
  EXPECT_EQ(refusal(), "none");
  EXPECT_EQ(refusal(), "none");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new-journal"));
}

TEST_F(SqliteFile, IsMadeByOneServerAtATime) {
  {
    const stores::sqlite::NewFile other(path_);
    EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("another server is making it")));
    EXPECT_TRUE(std::filesystem::exists(other.temporary())) << "whose file it is";
  }
  EXPECT_EQ(refusal(), "none");
}

TEST_F(SqliteFile, IsNotReplacedByOneThatWasMadeMeanwhile) {
  stores::sqlite::NewFile late(path_);
  write(path_, "first");
  EXPECT_FALSE(late.put_in_place());
  EXPECT_EQ(contents(), "first");
}

TEST_F(SqliteFile, WithADamagedRecordFailsItsOwnOperationsAlone) {
  fill(3);
  execute("UPDATE locks SET body = 'damaged' WHERE name = 'lock 1'");
  const auto damaged = store();
  support::Asking ask(*damaged);
  // when its record is needed in the midst of others' commits
  const auto answers = ask({step("lock 0", 1), step("lock 1", 7), engine::Prune{"lock 1", 1}, step("lock 2", 1)});
  // then they are committed
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(answers.at(0)));
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(answers.at(3)));
  EXPECT_EQ(std::get<engine::Found>(ask(engine::Read{"lock 2"})).record->head.version, 2U);
  // and it is said which one is damaged
  for (const auto& answer : {answers.at(1), answers.at(2), ask(engine::Read{"lock 1"})}) {
    ASSERT_TRUE(std::holds_alternative<engine::Failed>(answer));
    EXPECT_EQ(std::get<engine::Failed>(answer).kind, engine::Failed::Kind::unavailable);
    EXPECT_THAT(std::get<engine::Failed>(answer).why, HasSubstr("the record of lock 'lock 1' is damaged"));
  }
}

TEST_F(SqliteFile, NamesTheLockWhoseHistoryIsDamaged) {
  fill(2);
  execute("UPDATE history SET body = 'damaged' WHERE lock = 'lock 1'");
  const auto damaged = store();
  support::Asking ask(*damaged);
  const auto answer = ask(engine::ReadHistory{"lock 1"});
  ASSERT_TRUE(std::holds_alternative<engine::Failed>(answer));
  EXPECT_THAT(std::get<engine::Failed>(answer).why, HasSubstr("the history of lock 'lock 1' is damaged"));
  EXPECT_TRUE(std::holds_alternative<engine::HistoryRead>(ask(engine::ReadHistory{"lock 0"})));
}

TEST_F(SqliteFile, IsNotTakenForANewOneWhenItsWalHoldsChanges) {
  write(path_ + "-wal", std::string(5000, 'w'));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("missing"), HasSubstr("-wal")));
  EXPECT_FALSE(std::filesystem::exists(path_));
  write(path_, "");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("empty"), HasSubstr("-wal")));
  EXPECT_EQ(contents(), "");
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), 5000U);
}

TEST_F(SqliteFile, IsRefusedWhenItIsSomethingElse) {
  for (const auto& other : {std::string("{\"a\":{}}"), std::string(5000, 'x'), std::string(1, '\0')}) {
    write(path_, other);
    EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("database")));
    EXPECT_EQ(contents(), other) << "and left as it is";
  }
}

TEST_F(SqliteFile, IsRefusedWhenAnotherProgramMadeIt) {
  execute("CREATE TABLE locks(name)");
  const auto before = contents();
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("another program")));
  EXPECT_EQ(contents(), before);
}

TEST_F(SqliteFile, IsRefusedWhenANewerServerMadeIt) {
  fill(1);
  execute("PRAGMA user_version=99");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("version 99"), HasSubstr("newer")));
}

TEST_F(SqliteFile, IsRefusedWhenItIsCutShort) {
  fill(500);
  const auto whole = contents();
  for (const auto part : {whole.size() / 2, std::size_t{4096}, std::size_t{700}}) {
    write(path_, whole.substr(0, part));
    EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("damaged"))) << part;
    EXPECT_EQ(contents(), whole.substr(0, part)) << "and left as it is";
  }
}

TEST_F(SqliteFile, IsRefusedWhenAnyOfItsPagesIsOverwritten) {
  fill(500);
  const auto whole = contents();
  for (std::size_t page = 0; page * 4096 < whole.size(); ++page) {
    auto broken = whole;
    for (std::size_t i = 0; i < 64; ++i) broken[page * 4096 + i] = '\x55';
    write(path_, broken);
    EXPECT_THAT(refusal(), HasSubstr(path_)) << "page " << page;
  }
}

TEST_F(SqliteFile, KeepsItsSequenceWhenAllHistoryIsForgotten) {
  // given a lock whose history was trimmed away whole
  fill(2);
  {
    const auto trimmed = store();
    support::Asking ask(*trimmed);
    const locks::WallTime later{std::chrono::hours(1)};
    EXPECT_EQ(std::get<engine::Trimmed>(ask(engine::TrimHistory{later, 1000, 1000})).dropped, 2U);
  }
  // when other locks get new lines after a restart
  const auto again = store();
  support::Asking ask(*again);
  ask(step("other", 0));
  ask(step("other", 1));
  // then none of them is taken for one of the first lock's
  EXPECT_TRUE(std::get<engine::HistoryRead>(ask(engine::ReadHistory{"lock 0"})).events.empty());
  ask(step("lock 0", 1));
  EXPECT_EQ(std::get<engine::HistoryRead>(ask(engine::ReadHistory{"lock 0"})).events.size(), 1U);
}

class SqliteDisk : public SqliteFile {
 protected:
  UnsyncedVfs disk_{"faulty"};
};

TEST_F(SqliteDisk, WhenFullFailsTheBatchAndGoesOnWhenThereIsRoom) {
  const auto full = store("faulty");
  support::Asking ask(*full);
  ask(step("a", 0));
  // when there is no room
  disk_.fail(UnsyncedVfs::Fault::full);
  for (int i = 0; i < 3; ++i) {
    for (const auto& answer : ask({step("a", 1), step("b", 0)})) {
      ASSERT_TRUE(std::holds_alternative<engine::Failed>(answer));
      EXPECT_EQ(std::get<engine::Failed>(answer).kind, engine::Failed::Kind::no_room);
    }
  }
  // then what was there is still to be read, and nothing else is
  EXPECT_EQ(std::get<engine::Found>(ask(engine::Read{"a"})).record->head.version, 1U);
  EXPECT_FALSE(std::get<engine::Found>(ask(engine::Read{"b"})).record.has_value());
  // and with room it goes on
  disk_.fail(UnsyncedVfs::Fault::none);
  for (const auto& answer : ask({step("a", 1), step("b", 0)})) {
    EXPECT_TRUE(std::holds_alternative<engine::Committed>(answer));
  }
  EXPECT_EQ(std::get<engine::HistoryRead>(ask(engine::ReadHistory{"a"})).events.size(), 2U);
}

TEST_F(SqliteDisk, WithAFaultIsAwayUntilAWriteSucceeds) {
  const auto away = store("faulty");
  support::Asking ask(*away);
  disk_.fail(UnsyncedVfs::Fault::write_error);
  EXPECT_EQ(std::get<engine::Failed>(ask(step("a", 0))).kind, engine::Failed::Kind::unavailable);
  EXPECT_FALSE(away->ready());
  disk_.fail(UnsyncedVfs::Fault::none);
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(ask(step("a", 0))));
  EXPECT_TRUE(away->ready());
}

TEST_F(SqliteDisk, SyncsOnceABatchBeforeItAnswers) {
  const auto synced = store("faulty");
  support::Asking ask(*synced);
  std::vector<support::Question> creations;
  for (int i = 0; i < 100; ++i) creations.push_back(step(name(i), 0));
  ask(std::move(creations));  // the WAL's header is synced too
  const auto before = disk_.syncs();
  std::vector<support::Question> questions;
  for (int i = 0; i < 100; ++i) questions.push_back(step(name(i), 1));
  ask(std::move(questions));
  EXPECT_EQ(disk_.syncs(), before + 1);
}

using SqliteDiskDeath = SqliteDisk;

TEST_F(SqliteDiskDeath, AFailedFsyncEndsTheServerWithoutACheckpoint) {
  fill(3);
  const auto before = contents();
  const auto commit_on_a_broken_disk = [this] {
    const auto broken = store("faulty");
    support::Asking ask(*broken);
    ask(step("lock 0", 1));
    disk_.fail(UnsyncedVfs::Fault::sync_error);
    ask(step("lock 1", 1));
    std::fprintf(stderr, "answered\n");
  };
  EXPECT_EXIT(commit_on_a_broken_disk(), testing::ExitedWithCode(1), "fsync failed");
  EXPECT_EQ(contents(), before);
  EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
}

TEST_F(SqliteDiskDeath, APageThatBreaksAtRunTimeEndsTheServer) {
  const auto read_a_broken_page = [this] {
    fill(40'000, 450);  // more than the cache keeps
    const auto broken = store();
    support::Asking ask(*broken);
    {
      std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(8192);
      for (auto left = std::filesystem::file_size(path_) / 4096 - 2; left > 0; --left)
        file << std::string(4096, 'U');
    }
    for (int i = 0; i < 40'000; ++i) ask({engine::Read{name(i, 450)}, engine::ReadHistory{name(i, 450)}});
    std::fprintf(stderr, "answered\n");
  };
  EXPECT_EXIT(read_a_broken_page(), testing::ExitedWithCode(1), "damaged");
}

}  // namespace
}  // namespace lockkeeper
