// What a commit costs does not depend on how long the lock's queue is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <variant>

#include "stores/sqlite/sqlite_store.h"
#include "tests/support/asking.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unsynced_vfs.h"

namespace lockkeeper {
namespace {

using support::UnsyncedVfs;

class SqliteQueue : public testing::Test {
 protected:
  SqliteQueue() {
    disk_.before = [this](const std::string& path, UnsyncedVfs::Call call) {
      if (call == UnsyncedVfs::Call::write && path.ends_with("-wal")) ++writes_;
    };
    stores::SqliteOptions options;
    options.path = folder_ / "locks.db";
    options.vfs = "counting";
    store_ = std::make_unique<stores::SqliteStore>(options);
    ask_ = std::make_unique<support::Asking>(*store_);
  }

  void make(const std::string& lock, int waiters) {
    locks::Change change;
    change.creates = true;
    change.head = head(static_cast<locks::Version>(waiters));
    for (int i = 1; i <= waiters; ++i) change.rows.emplace_back(locks::Row(waiter(i)));
    commit(lock, std::move(change));
  }

  // The first of the queue gets the lock: how often the WAL was written to.
  int hand_over(const std::string& lock, int waiters) {
    locks::Change change;
    change.expected = static_cast<locks::Version>(waiters);
    change.head = head(change.expected + 1);
    locks::Claim claim;
    claim.name = waiter(1).name;
    claim.holder = "ci";
    claim.token = change.head.version;
    change.rows = {locks::id(waiter(1)), locks::Row(claim), locks::Row(locks::ClosedName{"before", 1, {}})};
    const int before = writes_;
    commit(lock, std::move(change));
    return writes_ - before;
  }

  void commit(const std::string& lock, locks::Change change) {
    ASSERT_TRUE(std::holds_alternative<engine::Committed>((*ask_)(engine::Commit{lock, std::move(change)})));
  }

  static locks::Head head(locks::Version version) {
    locks::Head head;
    head.version = version;
    head.key = "k";
    head.timed = 1;
    return head;
  }

  static locks::Waiter waiter(int place) {
    locks::Waiter waiter;
    waiter.name = "https://ci.example.com build " + std::to_string(1'000'000 + place) + std::string(100, '.');
    waiter.key = waiter.name;
    waiter.holder = waiter.name;
    waiter.place = static_cast<locks::Version>(place);
    return waiter;
  }

  support::TemporaryFolder folder_;
  std::atomic<int> writes_ = 0;
  UnsyncedVfs disk_{"counting"};
  std::unique_ptr<stores::SqliteStore> store_;
  std::unique_ptr<support::Asking> ask_;
};

TEST_F(SqliteQueue, AHandOverWritesAsMuchInAQueueOfAThousandAsInOneOfTwenty) {
  make("short", 20);
  make("long", 1000);
  const int few = hand_over("short", 20);
  const int many = hand_over("long", 1000);
  EXPECT_GT(few, 0);
  // Two writes a page: the rows of a long queue lie on pages apart from one another.
  EXPECT_LE(many, few + 6);
}

}  // namespace
}  // namespace lockkeeper
