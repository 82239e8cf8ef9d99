#include <memory>

#include "stores/sqlite/sqlite_store.h"
#include "tests/contract/store_contract.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper::contract {
namespace {

class SqlitePlace final : public Place {
 public:
  engine::Store& store() override {
    store_.reset();  // before the next one asks for the file
    stores::SqliteOptions options;
    options.path = folder_ / "locks.db";
    options.boot_clock = &clock_;
    store_ = std::make_unique<stores::SqliteStore>(options);
    return *store_;
  }

  support::FakeBootClock* boot_clock() override { return &clock_; }

 private:
  support::FakeBootClock clock_;
  support::TemporaryFolder folder_;
  std::unique_ptr<stores::SqliteStore> store_;
};

std::unique_ptr<Place> make_sqlite_place() {
  return std::make_unique<SqlitePlace>();
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(Place::Maker(make_sqlite_place)));

}  // namespace
}  // namespace lockkeeper::contract
