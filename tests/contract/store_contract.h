// The contract of engine/store.h in executable form: one suite, run on every store. A store joins by linking
// the suite's objects (STORE_CONTRACT in CMakeLists.txt) together with one file of its own:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(Place::Maker(make_memory_place)));
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "engine/store.h"
#include "tests/support/fake_boot_clock.h"

namespace lockkeeper::contract {

// Where a store keeps its records: empty when made, and the same at every open.
class Place {
 public:
  using Maker = std::function<std::unique_ptr<Place>()>;

  virtual ~Place() = default;
  // A store over this place, not open()ed yet. The one before it has been close()d and goes away with this call.
  virtual engine::Store& store() = 0;
  // One more store over it, as another server would have, not open()ed yet; nullptr: the place is one server's
  // alone.
  virtual std::unique_ptr<engine::Store> another() { return nullptr; }
  // What the store tells ages by; nullptr: it does not know any.
  virtual support::FakeBootClock* boot_clock() { return nullptr; }
};

// A failed test's name is enough; the maker's bytes say nothing.
inline void PrintTo(const Place::Maker& /*maker*/, std::ostream* out) {
  *out << "a place";
}

// Waits for operations, whatever thread they come back on.
class Inbox final : public engine::Completions {
 public:
  void completed(engine::Operation* chain) noexcept override;
  bool wait_for(std::size_t number);  // since the last wait; false after half a minute

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t number_ = 0;
};

using Question = decltype(engine::Operation::question);
using Answer = decltype(engine::Operation::answer);

class StoreContract : public testing::TestWithParam<Place::Maker> {
 public:  // for what several tests of one file share
  void SetUp() override;
  void TearDown() override;

  std::vector<Answer> ask_all(std::vector<Question> questions);  // as one chain; answers in the order asked
  Answer ask(Question question);
  void reopen();

  // Asked, and the answer must be of that kind.
  engine::Found read(const std::string& lock);
  engine::Scanned scan(engine::Scan question);
  engine::HistoryRead history(engine::ReadHistory question);
  void commit(const std::string& lock, const locks::Change& change);  // must succeed

  locks::Version floor();                                           // as a lock that nobody knows has it
  locks::Record create(const std::string& lock, bool held = true);  // committed: one event, one version
  // Committed: one more event and version, held by "ci" with key "k" or free.
  locks::Record advance(const std::string& lock, const locks::Record& record, bool held = true);

  Inbox inbox_;
  std::unique_ptr<Place> place_;
  engine::Store* store_ = nullptr;
};

locks::WallTime at(long long seconds);  // since some day in 2026
locks::Head head(locks::Version version, bool held, locks::WallTime changed);

// With one event a version; the events' times are the head's.
locks::Change change(locks::Version expected, locks::Head head, std::vector<locks::RowOperation> rows = {});
locks::Change creation(locks::Version floor, locks::Head head, std::vector<locks::RowOperation> rows = {});

std::vector<std::string> names(const engine::Scanned& scanned);
std::vector<locks::Version> versions(const engine::HistoryRead& history);

}  // namespace lockkeeper::contract

namespace lockkeeper::locks {
// What a failed expectation prints.
std::ostream& operator<<(std::ostream& out, const Record& record);
}  // namespace lockkeeper::locks
