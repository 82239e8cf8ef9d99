#include "stores/module.h"

#include "stores/redis/redis_options.h"
#include "stores/redis/redis_store.h"

namespace {

using namespace lockkeeper;

std::unique_ptr<engine::Store> make(stores::StoreSettings settings) {
  return std::make_unique<stores::RedisStore>(stores::redis_options(std::move(settings)));
}

const stores::StoreKind redis{.make = make};

}  // namespace

LOCKKEEPER_STORE_MODULE(redis)
