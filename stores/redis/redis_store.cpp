#include "stores/redis/redis_store.h"

#include <utility>

#include "stores/redis/worker.h"

namespace lockkeeper::stores {

RedisStore::RedisStore(RedisOptions options) : worker_(std::make_unique<Worker>(std::move(options))) {}

RedisStore::~RedisStore() = default;

void RedisStore::open(engine::Completions& completions) {
  worker_->open(completions);
}

void RedisStore::begin(engine::Operation* chain) {
  worker_->begin(chain);
}

void RedisStore::close() {
  worker_->close();
}

bool RedisStore::ready() const {
  return worker_->ready();
}

}  // namespace lockkeeper::stores
