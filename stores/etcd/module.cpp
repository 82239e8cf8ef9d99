// The store etcd:// as the server loads it.
#include "stores/module.h"

#include <memory>
#include <utility>

#include "stores/etcd/etcd_store.h"

namespace {

using namespace lockkeeper::stores;

const StoreKind& kind() {
  static const StoreKind one{.make = [](StoreSettings settings) -> std::unique_ptr<lockkeeper::engine::Store> {
    return std::make_unique<EtcdStore>(std::move(settings));
  }};
  return one;
}

}  // namespace

LOCKKEEPER_STORE_MODULE(kind())
