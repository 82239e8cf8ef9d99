#include <memory>
#include <utility>

#include "stores/postgresql/postgresql_store.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"

namespace lockkeeper::contract {
namespace {

class PostgresqlPlace final : public Place {
 public:
  engine::Store& store() override {
    store_ = another();
    return *store_;
  }

  std::unique_ptr<engine::Store> another() override {
    return std::make_unique<stores::PostgresqlStore>(settings_for(url_));
  }

 private:
  const stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<engine::Store> store_;
};

std::unique_ptr<Place> make_postgresql_place() {
  return std::make_unique<PostgresqlPlace>();
}

INSTANTIATE_TEST_SUITE_P(Postgresql, StoreContract, testing::Values(Place::Maker(make_postgresql_place)));

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return make_postgresql_place();
}

}  // namespace lockkeeper::contract
