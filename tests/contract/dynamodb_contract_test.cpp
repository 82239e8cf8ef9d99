#include <memory>

#include "stores/dynamodb/dynamodb_store.h"
#include "stores/dynamodb/settings.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"
#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

class DynamoPlace final : public Place {
 public:
  DynamoPlace() {
    // Chains of 10,000 commits, and an emulator that carries out one request after the other.
    url_.options["timeout"] = "25s";
    // What is to be forgotten is looked for at once, and not an hour after the last look.
    url_.options["round"] = "0s";
  }

  engine::Store& store() override {
    store_ = another();
    return *store_;
  }
  std::unique_ptr<engine::Store> another() override {
    const auto settings = settings_for(url_);
    return std::make_unique<stores::DynamoStore>(
        stores::dynamodb::read_settings(url_, stores::dynamodb::process_environment), settings.warn, settings.info);
  }

 private:
  stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<engine::Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Dynamodb, StoreContract, testing::Values(Place::Maker(make_shared_place)));

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return std::make_unique<DynamoPlace>();
}

}  // namespace lockkeeper::contract
