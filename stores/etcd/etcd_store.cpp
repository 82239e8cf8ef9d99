#include "stores/etcd/etcd_store.h"

#include <utility>

#include "stores/etcd/desk.h"

namespace lockkeeper::stores {

class EtcdStore::Inside {
 public:
  explicit Inside(StoreSettings settings) : desk(std::move(settings)) {}
  etcd::Desk desk;
};

EtcdStore::EtcdStore(StoreSettings settings) : inside_(std::make_unique<Inside>(std::move(settings))) {}

EtcdStore::~EtcdStore() = default;

void EtcdStore::open(engine::Completions& completions) {
  inside_->desk.open(completions);
}

void EtcdStore::begin(engine::Operation* chain) {
  inside_->desk.begin(chain);
}

void EtcdStore::close() {
  inside_->desk.close();
}

bool EtcdStore::ready() const {
  return inside_->desk.ready();
}

}  // namespace lockkeeper::stores
