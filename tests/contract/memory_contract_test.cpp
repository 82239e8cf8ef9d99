#include <algorithm>
#include <mutex>
#include <utility>

#include "stores/memory/memory_store.h"
#include "tests/contract/shared_contract.h"
#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

class MemoryPlace final : public Place {
 public:
  MemoryPlace() { store_.boot_clock = &clock_; }
  engine::Store& store() override { return store_; }
  support::FakeBootClock* boot_clock() override { return &clock_; }

 private:
  support::FakeBootClock clock_;
  stores::MemoryStore store_;  // keeps its records when it is closed
};

std::unique_ptr<Place> make_memory_place() {
  return std::make_unique<MemoryPlace>();
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(Place::Maker(make_memory_place)));

// The model between several servers: one at a time, and all are told of each change.
class Shared final : private engine::Completions {
 public:
  Shared() { memory_.open(*this); }

  void add(engine::Completions& server) {
    const std::lock_guard lock(mutex_);
    servers_.push_back(&server);
  }
  void remove(engine::Completions& server) {
    const std::lock_guard lock(mutex_);
    std::erase(servers_, &server);
  }

  void begin(engine::Completions& server, engine::Operation* chain) {
    const std::lock_guard lock(mutex_);
    for (; chain != nullptr;) {
      engine::Operation* const one = std::exchange(chain, std::exchange(chain->next, nullptr));
      memory_.begin(one);
      std::vector<engine::Changed> changed;
      if (std::holds_alternative<engine::Committed>(one->answer)) {
        const auto& commit = std::get<engine::Commit>(one->question);
        changed.push_back({commit.lock, commit.change.head.version});
      }
      if (const auto* pruned = std::get_if<engine::Pruned>(&one->answer); pruned != nullptr && pruned->done) {
        changed.push_back({std::get<engine::Prune>(one->question).lock, 0});
      }
      server.completed(one);
      if (changed.empty()) continue;
      for (engine::Completions* each : servers_) each->changed(changed);
    }
  }

 private:
  void completed(engine::Operation*) noexcept override {}  // begin() tells whose they are

  std::mutex mutex_;
  stores::MemoryStore memory_;
  std::vector<engine::Completions*> servers_;
};

class SharedMemory final : public engine::Store {
 public:
  explicit SharedMemory(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  void open(engine::Completions& completions) override {
    server_ = &completions;
    shared_->add(completions);
  }
  void begin(engine::Operation* chain) override { shared_->begin(*server_, chain); }
  void close() override { shared_->remove(*server_); }
  bool exclusive() const override { return false; }
  bool watches() const override { return true; }
  bool ready() const override { return true; }

 private:
  std::shared_ptr<Shared> shared_;
  engine::Completions* server_ = nullptr;
};

class SharedMemoryPlace final : public Place {
 public:
  engine::Store& store() override {
    store_ = std::make_unique<SharedMemory>(shared_);
    return *store_;
  }
  std::unique_ptr<engine::Store> another() override { return std::make_unique<SharedMemory>(shared_); }

 private:
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::unique_ptr<engine::Store> store_;
};

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return std::make_unique<SharedMemoryPlace>();
}

}  // namespace lockkeeper::contract
