#include <memory>

#include "stores/etcd/etcd_store.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"
#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

class EtcdPlace final : public Place {
 public:
  engine::Store& store() override {
    store_ = std::make_unique<stores::EtcdStore>(settings_for(url_));
    return *store_;
  }

  std::unique_ptr<engine::Store> another() override {
    return std::make_unique<stores::EtcdStore>(settings_for(url_));
  }

 private:
  const stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<stores::EtcdStore> store_;
};

std::unique_ptr<Place> make_etcd_place() {
  return std::make_unique<EtcdPlace>();
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreContract, testing::Values(Place::Maker(make_etcd_place)));

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return make_etcd_place();
}

}  // namespace lockkeeper::contract
