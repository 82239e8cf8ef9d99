// Nothing that was acknowledged is lost with the power, and nothing comes back half. The power is cut at random
// moments while commits are under way, in the middle of writes, syncs and checkpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "engine/store_error.h"
#include "stores/sqlite/sqlite_store.h"
#include "tests/support/asking.h"
#include "tests/support/fake_boot_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unsynced_vfs.h"

namespace lockkeeper {
namespace {

using support::UnsyncedVfs;
using testing::IsEmpty;
using testing::Not;

struct Age {  // by the boot's clock
  std::chrono::nanoseconds made{0};
  std::chrono::nanoseconds written{0};
};

struct State {
  locks::Record record;
  std::map<std::string, Age> claims;
};

// Every state that a lock was ever in, or was on its way to.
using Story = std::vector<State>;  // [version]
using Stories = std::map<std::string, Story>;

locks::WallTime at(locks::Version version) {
  return locks::WallTime(std::chrono::seconds(1'700'000'000 + version));
}

// One to three versions on; every one with rows or without, so that a half change shows. Claims come, are replaced
// and go.
locks::Change next_change(const locks::Record& record, std::mt19937_64& random) {
  locks::Change change;
  change.expected = record.head.version;
  change.creates = record.head.version == 0;
  change.head = record.head;
  change.head.version += 1 + random() % 3;
  change.head.changed = at(change.head.version);
  change.head.key = "key " + std::to_string(change.head.version);
  if (!record.claims.empty() && random() % 2) change.rows.emplace_back(locks::id(record.claims.front()));
  if (record.claims.size() > 1 && random() % 2) change.rows.emplace_back(locks::Row(record.claims.back()));
  if (random() % 2) {
    locks::Claim claim;
    claim.name = "claim " + std::to_string(change.head.version);
    claim.holder = std::string(1 + random() % 600, 'h');
    claim.token = change.head.version;
    claim.ttl = std::chrono::seconds(60);
    change.rows.emplace_back(locks::Row(claim));
  }
  auto after = record;
  locks::apply(after, change);
  change.head.timed = after.claims.size();
  for (auto version = change.expected + 1; version <= change.head.version; ++version) {
    locks::Event event;
    event.version = version;
    event.at = at(version);
    event.change = "c" + std::to_string(version);
    change.events.push_back(event);
  }
  return change;
}

State next_state(State state, const locks::Change& change, std::chrono::nanoseconds now) {
  locks::apply(state.record, change);
  for (const auto& operation : change.rows) {
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      state.claims.erase(gone->id);
    } else {
      auto& age =
          state.claims.try_emplace(locks::id(std::get<locks::Row>(operation)).id, Age{now, now}).first->second;
      age.written = now;
    }
  }
  return state;
}

// So few that the table of heads follows all the time.
constexpr std::size_t redo_entries = 300;

// What was acknowledged when the power went, and the folder with what was left.
struct Cut {
  std::map<std::string, locks::Version> acknowledged;
  std::string path;
};

class PowerLoss : public testing::Test {
 protected:
  // Works on the store, and cuts the power at some of the moments when it is about to change a file.
  void hammer(bool synchronous_full, int batches) {
    disk_.before = [this](const std::string& path, UnsyncedVfs::Call) {
      // A checkpoint is rare, and so each of its moments is worth more.
      const bool wal = path.ends_with("-wal");
      const std::lock_guard lock(mutex_);
      if (random_for_cuts_() % (wal ? 300 : 20) == 0) cut();
    };
    stores::SqliteOptions options;
    options.path = folder_ / "locks.db";
    options.vfs = "unsynced";
    options.redo_entries = redo_entries;
    options.boot_clock = &clock_;
    options.synchronous_full = synchronous_full;
    {
      stores::SqliteStore store(options);
      support::Asking ask(store);
      for (int batch = 0; batch < batches; ++batch) commit_some(ask);
      const std::lock_guard lock(mutex_);
      cut();
    }
  }

  // One sentence for each acknowledged change that is not there, and each lock that is in no state it ever was in.
  std::vector<std::string> faults() {
    std::vector<std::string> all;
    for (const auto& each : cuts_) {
      try {
        look_at(each, all);
      } catch (const engine::StoreError& error) {
        all.push_back(error.what());
      }
    }
    return all;
  }

  std::vector<Cut> cuts_;

 private:
  void cut() {  // mutex_ is held
    if (cuts_.size() == 150) return;
    const auto folder = folder_ / ("cut" + std::to_string(cuts_.size()));
    std::filesystem::create_directory(folder);
    constexpr double survivals[] = {0.0, 0.5, 0.97, 1.0};
    disk_.leave(folder, survivals[random_for_cuts_() % 4], random_for_cuts_);
    cuts_.push_back({acknowledged_, folder + "/locks.db"});
  }

  void commit_some(support::Asking& ask) {
    clock_.pass(std::chrono::milliseconds(1 + random_() % 5000));
    std::vector<support::Question> questions;
    std::vector<std::pair<std::string, locks::Version>> hoped;
    const auto first = random_() % 40;
    const auto number = 1 + random_() % 40;
    for (auto i = first; i < first + number; ++i) {
      const auto lock = "lock " + std::to_string(i);
      auto& story = stories_[lock];
      if (story.empty()) story.push_back({locks::absent(0), {}});
      auto change = next_change(story.back().record, random_);
      auto state = next_state(story.back(), change, clock_.now());
      story.resize(change.head.version);  // states between are never seen
      story.push_back(std::move(state));
      hoped.emplace_back(lock, change.head.version);
      questions.push_back(engine::Commit{lock, std::move(change)});
    }
    const auto answers = ask(std::move(questions));
    const std::lock_guard guard(mutex_);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_TRUE(std::holds_alternative<engine::Committed>(answers[i]));
      acknowledged_[hoped[i].first] = hoped[i].second;
    }
  }

  void look_at(const Cut& each, std::vector<std::string>& all) const {
    stores::SqliteOptions options;
    options.path = each.path;
    options.redo_entries = redo_entries;
    options.boot_clock = &clock_;
    options.synchronous_full = false;  // nobody cuts the power now
    stores::SqliteStore store(options);
    support::Asking ask(store);
    auto timed = timed_locks(ask);
    for (const auto& [lock, story] : stories_) {
      const auto answer = ask(engine::Read{lock});
      if (const auto* failed = std::get_if<engine::Failed>(&answer)) {
        all.push_back(lock + ": " + failed->why);
        continue;
      }
      const auto found = std::get<engine::Found>(answer).record.value_or(locks::absent(0));
      const auto version = found.head.version;
      const auto acknowledged = each.acknowledged.find(lock);
      if (acknowledged != each.acknowledged.end() && version < acknowledged->second) {
        all.push_back(lock + " went back to " + std::to_string(version));
      }
      if (version >= story.size() || found != story[version].record) {
        all.push_back(lock + " is in a state it never was in");
      } else {
        look_at(lock, story[version], timed[lock], all);
      }
      const auto history = std::get<engine::HistoryRead>(ask(engine::ReadHistory{lock, 0, 100'000}));
      if (history.events.size() != version) all.push_back(lock + " has another history");
      for (std::size_t i = 0; i < history.events.size(); ++i) {
        if (history.events[i].change != "c" + std::to_string(i + 1)) all.push_back(lock + " has a false event");
      }
    }
  }

  using Ages = std::vector<engine::Age>;

  static std::map<std::string, Ages> timed_locks(support::Asking& ask) {
    std::map<std::string, Ages> all;
    engine::Scan question;
    question.timed_only = true;
    question.limit = 1000;
    const auto found = std::get<engine::Scanned>(ask(question));
    for (const auto& each : found.locks) all[each.lock] = each.ages;
    return all;
  }

  void look_at(const std::string& lock, const State& state, const Ages& ages, std::vector<std::string>& all) const {
    if (ages.size() != state.claims.size()) all.push_back(lock + " is not watched for all that can lapse");
    for (const auto& age : ages) {
      const auto truth = state.claims.find(age.row.id);
      if (truth == state.claims.end() || age.written != clock_.now() - truth->second.written ||
          age.made != clock_.now() - truth->second.made) {
        all.push_back(lock + " has a claim of another age");
      }
    }
  }

  support::TemporaryFolder folder_;
  support::FakeBootClock clock_;
  UnsyncedVfs disk_{"unsynced"};
  std::mt19937_64 random_{20261121};
  Stories stories_;

  // The disk announces its calls on the store's thread.
  std::mutex mutex_;
  std::mt19937_64 random_for_cuts_{42};
  std::map<std::string, locks::Version> acknowledged_;
};

TEST_F(PowerLoss, TakesNothingThatWasAcknowledgedAndLeavesNothingHalf) {
  hammer(true, 400);
  EXPECT_GE(cuts_.size(), 50U);
  EXPECT_THAT(faults(), IsEmpty());
}

// The proof that the test above can fail.
TEST_F(PowerLoss, IsNoticedWhenTheStoreDoesNotSync) {
  hammer(false, 40);
  EXPECT_THAT(faults(), Not(IsEmpty()));
}

}  // namespace
}  // namespace lockkeeper
