#include "stores/memory/memory_store.h"
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

}  // namespace
}  // namespace lockkeeper::contract
