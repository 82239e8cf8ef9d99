#include <memory>

#include "stores/redis/redis_store.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"

namespace lockkeeper::contract {
namespace {

class RedisPlace final : public Place {
 public:
  engine::Store& store() override {
    store_ = another();
    return *store_;
  }

  std::unique_ptr<engine::Store> another() override {
    return std::make_unique<stores::RedisStore>(stores::redis_options(settings_for(url_)));
  }

 private:
  stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<engine::Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Redis, StoreContract, testing::Values(Place::Maker(make_shared_place)));

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return std::make_unique<RedisPlace>();
}

}  // namespace lockkeeper::contract
