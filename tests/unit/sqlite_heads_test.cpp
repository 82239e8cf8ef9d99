// Heads wander from the ring to their table while locks change, come and go: whatever happens to a transaction,
// every lock is where it was committed last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "stores/sqlite/database.h"
#include "stores/sqlite/sqlite_store.h"
#include "stores/sqlite/statement.h"
#include "tests/support/asking.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unsynced_vfs.h"

namespace lockkeeper {
namespace {

using support::UnsyncedVfs;

// So few that a sweep is nearly always under way.
constexpr std::size_t redo_entries = 40;

using Versions = std::map<std::string, locks::Version>;

// Whether something can lapse on a lock at that version. Only held ones, so that free ones can be pruned.
bool timed(locks::Version version) {
  return version % 4 == 1;
}

locks::Change next_change(locks::Version expected, bool creates) {
  locks::Change change;
  change.expected = expected;
  change.creates = creates;
  change.head.version = expected + 1;
  if (change.head.version % 2) {
    change.head.key = "k" + std::to_string(change.head.version);
    change.head.tallies = {{"ci", 1, change.head.version, change.head.version, {}}};
  }
  if (timed(change.head.version)) {
    locks::Claim lease;
    lease.name = "lease";
    lease.holder = "ci";
    lease.token = change.head.version;
    change.head.timed = 1;
    change.rows.emplace_back(locks::Row(lease));
  } else if (timed(expected)) {
    change.rows.emplace_back(locks::RowId{locks::RowKind::claim, "lease"});
  }
  return change;
}

class SqliteHeads : public testing::Test {
 protected:
  void open() {
    close();
    stores::SqliteOptions options;
    options.path = folder_ / "locks.db";
    options.vfs = "heads";
    options.redo_entries = redo_entries;
    options.synchronous_full = false;
    store_ = std::make_unique<stores::SqliteStore>(options);
    ask_ = std::make_unique<support::Asking>(*store_);
  }

  void close() {
    ask_.reset();
    store_.reset();
  }

  // After a SIGKILL at this moment.
  Versions left_by_a_crash() {
    const auto folder = folder_ / "crashed";
    std::filesystem::create_directory(folder);
    disk_.leave(folder, 1.0, random_);
    stores::SqliteOptions options;
    options.path = folder + "/locks.db";
    options.redo_entries = redo_entries;
    options.synchronous_full = false;
    Versions all;
    {
      stores::SqliteStore store(options);
      support::Asking ask(store);
      all = scanned(ask);
    }
    std::filesystem::remove_all(folder);
    return all;
  }

  static Versions scanned(support::Asking& ask) {
    Versions all;
    engine::Scan question;
    question.limit = 7;
    while (true) {
      const auto answer = std::get<engine::Scanned>(ask(question));
      for (const auto& [lock, record, ages] : answer.locks) {
        EXPECT_EQ(record.head.key.empty(), record.head.version % 2 == 0) << lock;
        all[lock] = record.head.version;
      }
      if (!answer.more) break;
      question.after = answer.locks.back().lock;
    }
    expect_timed(ask, all);
    return all;
  }

  static void expect_timed(support::Asking& ask, const Versions& all) {
    std::vector<std::string> wanted;
    for (const auto& [lock, version] : all) {
      if (timed(version)) wanted.push_back(lock);
    }
    engine::Scan question;
    question.timed_only = true;
    std::vector<std::string> found;
    const auto answer = std::get<engine::Scanned>(ask(question));
    for (const auto& each : answer.locks) found.push_back(each.lock);
    EXPECT_EQ(found, wanted);
  }

  std::int64_t rows_of_the_timed_table() const {
    stores::sqlite::Database database(folder_ / "locks.db", stores::sqlite::Database::Mode::existing);
    return stores::sqlite::integer(database, "SELECT count(*) FROM timed");
  }

  // Some changes and prunes in one batch, all or none of which succeed.
  void one_batch(bool fails) {
    auto after = committed_;
    const auto floor = std::get<engine::Found>((*ask_)(engine::Read{"nobody's"})).floor;
    std::vector<support::Question> questions;
    std::vector<bool> prunes;
    const auto first = random_() % 60;
    for (auto i = first; i < first + 1 + random_() % 12; ++i) {
      const auto lock = "lock " + std::to_string(i);
      const auto known = after.find(lock);
      if (known == after.end()) {
        questions.push_back(engine::Commit{lock, next_change(floor, true)});
        after[lock] = floor + 1;
      } else {
        questions.push_back(engine::Commit{lock, next_change(known->second, false)});
        ++known->second;
      }
    }
    if (const auto pruned = "lock " + std::to_string(first ? first - 1 : 70); random_() % 4 == 0) {
      const auto known = after.find(pruned);
      if (known != after.end() && known->second % 2 == 0) {
        questions.push_back(engine::Prune{pruned, known->second});
        after.erase(known);
      }
    }
    disk_.fail(fails ? UnsyncedVfs::Fault::full : UnsyncedVfs::Fault::none);
    for (const auto& answer : (*ask_)(std::move(questions))) {
      ASSERT_EQ(std::holds_alternative<engine::Failed>(answer), fails);
      ASSERT_FALSE(std::holds_alternative<engine::Conflict>(answer));
    }
    disk_.fail(UnsyncedVfs::Fault::none);
    if (!fails) committed_ = after;
  }

  support::TemporaryFolder folder_;
  UnsyncedVfs disk_{"heads"};
  std::unique_ptr<stores::SqliteStore> store_;
  std::unique_ptr<support::Asking> ask_;
  std::mt19937_64 random_{7};
  Versions committed_;
};

TEST_F(SqliteHeads, AreWhereTheyWereCommittedLastWhateverBecomesOfABatch) {
  open();
  for (int batch = 0; batch < 1500; ++batch) {
    one_batch(random_() % 5 == 0);
    ASSERT_EQ(scanned(*ask_), committed_) << "after batch " << batch;
    if (random_() % 4 == 0) {
      ASSERT_EQ(left_by_a_crash(), committed_) << "after batch " << batch;
    }
    if (random_() % 100 == 0) open();
  }
  open();
  EXPECT_EQ(scanned(*ask_), committed_);
  close();
  EXPECT_EQ(rows_of_the_timed_table(), std::count_if(committed_.begin(), committed_.end(),
                                                     [](const auto& each) { return timed(each.second); }));
}

}  // namespace
}  // namespace lockkeeper
