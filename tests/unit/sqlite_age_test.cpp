// Ages where SQLite could get them wrong: a commit that took long, a disk that is full, a power cut. None is ever
// larger than the time since the commit came back, apart from what the engine allows for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>

#include "stores/sqlite/sqlite_store.h"
#include "stores/sqlite/system_boot_clock.h"
#include "tests/support/asking.h"
#include "tests/support/fake_boot_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unsynced_vfs.h"

namespace lockkeeper {
namespace {

using engine::Age;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::UnsyncedVfs;
using testing::Field;
using testing::Optional;

constexpr seconds allowance{2};

class SqliteAge : public testing::Test {
 protected:
  ~SqliteAge() override { close(); }

  void open(const std::string& path = {}) {
    close();
    stores::SqliteOptions options;
    options.path = path.empty() ? folder_ / "locks.db" : path;
    options.vfs = path.empty() ? "ageing" : "";
    options.boot_clock = clock_;
    options.age_allowance = allowance;
    store_ = std::make_unique<stores::SqliteStore>(options);
    ask_ = std::make_unique<support::Asking>(*store_);
  }

  void close() {
    ask_.reset();
    store_.reset();
  }

  static engine::Commit lease(const std::string& lock, locks::Version expected) {
    locks::Change change;
    change.expected = expected;
    change.creates = expected == 0;
    change.head.version = expected + 1;
    change.head.key = "k";
    change.head.timed = 1;
    locks::Claim claim;
    claim.name = "a";
    claim.holder = "ci";
    claim.token = claim.renewed = claim.granted = expected + 1;
    claim.ttl = seconds(60);
    change.rows.emplace_back(locks::Row(claim));
    return {lock, change};
  }

  support::Answer commit(const std::string& lock, locks::Version expected) {
    return (*ask_)(support::Question(lease(lock, expected)));
  }

  // As the store says after a start on what is durable now.
  std::optional<engine::Age> age_after_a_power_cut(const std::string& lock) {
    const auto folder = folder_ / "after";
    std::filesystem::create_directory(folder);
    disk_.leave(folder, 0.0, random_);
    open(folder + "/locks.db");
    auto found = age(lock);
    close();
    std::filesystem::remove_all(folder);
    return found;
  }

  std::optional<engine::Age> age(const std::string& lock) {
    engine::Scan question;
    question.timed_only = true;
    const auto found = std::get<engine::Scanned>((*ask_)(question));
    for (const auto& each : found.locks) {
      if (each.lock == lock && !each.ages.empty()) return each.ages.front();
    }
    return std::nullopt;
  }

  // The next syncs take so long, by the boot's clock.
  void slow_down(milliseconds time, int syncs) {
    slowness_ = time;
    slow_syncs_ = syncs;
  }

  support::FakeBootClock fake_;
  const stores::BootClock* clock_ = &fake_;
  support::TemporaryFolder folder_;
  UnsyncedVfs disk_{"ageing"};
  std::unique_ptr<stores::SqliteStore> store_;
  std::unique_ptr<support::Asking> ask_;
  std::mt19937_64 random_{1};
  std::atomic<milliseconds> slowness_{milliseconds(0)};
  std::atomic<int> slow_syncs_ = 0;
  std::atomic<bool> full_after_sync_ = false;

  void SetUp() override {
    disk_.before = [this](const std::string&, UnsyncedVfs::Call call) {
      if (call != UnsyncedVfs::Call::sync) return;
      if (slow_syncs_-- > 0) fake_.pass(slowness_.load());
      if (full_after_sync_) disk_.fail(UnsyncedVfs::Fault::full);
    };
    open();
    commit("other", 0);  // the WAL's header is synced too
  }
};

TEST_F(SqliteAge, CountsFromTheMomentTheCommitWasCarriedOut) {
  slow_down(seconds(1), 1);
  commit("leased", 0);
  fake_.pass(seconds(10));
  EXPECT_THAT(age_after_a_power_cut("leased"), Optional(Field(&Age::written, seconds(11))));
}

TEST_F(SqliteAge, CountsAnewWhenACommitTookLongerThanIsAllowedFor) {
  for (const auto time : {milliseconds(2001), milliseconds(30'000), milliseconds(3'600'000)}) {
    // given a lease
    const auto lock = "leased " + std::to_string(time.count());
    open();
    commit(lock, 0);
    fake_.pass(seconds(20));
    // when its renewal takes long, and the power is cut some time after it came back
    slow_down(time, 100);
    commit(lock, 1);
    slow_down(seconds(0), 0);
    const auto age_of_renewal = seconds(10);
    fake_.pass(age_of_renewal);
    const auto found = age_after_a_power_cut(lock);
    // then it has at least what is left from there on, and its hold is as old as it was
    ASSERT_TRUE(found) << time.count();
    EXPECT_LE(found->written, age_of_renewal + allowance) << time.count();
    EXPECT_GE(found->written, age_of_renewal);
    EXPECT_EQ(found->made, seconds(20) + 2 * time + age_of_renewal)
        << "its stamps were made anew in as long a time";
  }
}

TEST_F(SqliteAge, CountsAnewForAllOfASlowBatchAndForNothingElse) {
  commit("before", 0);
  fake_.pass(seconds(100));
  slow_down(seconds(60), 100);
  const auto answers = (*ask_)({lease("one", 0), lease("two", 0), lease("before", 7)});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answers.at(2)));
  fake_.pass(seconds(10));
  for (const auto* lock : {"one", "two"}) {
    EXPECT_LE(age(lock)->written, seconds(10) + allowance) << lock;
    EXPECT_LE(age(lock)->made, seconds(10) + allowance) << lock;
  }
  EXPECT_EQ(age("before")->written, seconds(230));
}

// The new stamp allows for a second commit as slow as the first.
TEST_F(SqliteAge, IsNotKnownForAWhileWhenOneCommitAloneTookLong) {
  slow_down(seconds(60), 1);
  commit("leased", 0);
  EXPECT_FALSE(age("leased"));
  fake_.pass(seconds(61));
  EXPECT_THAT(age("leased"), Optional(Field(&Age::written, seconds(1))));
}

TEST_F(SqliteAge, LeavesASlowCommitACommitWhenThereIsNoRoomToStampItAnew) {
  full_after_sync_ = true;
  slow_down(seconds(60), 1);
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(commit("leased", 0)));
  EXPECT_TRUE(std::holds_alternative<engine::Failed>(commit("leased", 1))) << "which it was";
  full_after_sync_ = false;
  disk_.fail(UnsyncedVfs::Fault::none);
  EXPECT_TRUE(std::holds_alternative<engine::Committed>(commit("leased", 1)));
  EXPECT_THAT(age("leased"), Optional(Field(&Age::written, seconds(0))));
}

TEST_F(SqliteAge, ALeaseLastsOverAStartOnAFullDiskAfterABoot) {
  commit("leased", 0);
  close();
  fake_.boot_again("another boot");
  disk_.fail(UnsyncedVfs::Fault::full);
  open();
  EXPECT_FALSE(age("leased"));
  EXPECT_TRUE(std::holds_alternative<engine::Failed>(commit("leased", 1)));
  // when there is room again
  disk_.fail(UnsyncedVfs::Fault::none);
  commit("leased", 1);
  fake_.pass(seconds(5));
  open();
  EXPECT_THAT(age("leased"), Optional(Field(&Age::written, seconds(5))));
  // then the boot is noted, although the batch that noted it first was lost: under the next one nothing is known
  close();
  fake_.boot_again("a third boot");
  open();
  EXPECT_FALSE(age("leased"));
}

TEST_F(SqliteAge, ByTheSystemsClockIsThatOfThisMoment) {
  const stores::sqlite::SystemBootClock system;
  clock_ = &system;
  const auto before = system.now();
  open();
  commit("leased", 0);
  open();
  const auto found = age("leased");
  ASSERT_TRUE(found) << "on a system that has a boot id";
  EXPECT_LE(found->written, system.now() - before);
  std::ifstream file("/proc/uptime");
  double uptime = 0;
  file >> uptime;
  EXPECT_NEAR(std::chrono::duration<double>(system.now()).count(), uptime, 5);
  EXPECT_EQ(system.boot().size(), 36U);
  EXPECT_EQ(system.boot(), stores::sqlite::SystemBootClock().boot());
}

}  // namespace
}  // namespace lockkeeper
