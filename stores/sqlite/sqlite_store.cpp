#include "stores/sqlite/sqlite_store.h"

#include <utility>

#include "stores/sqlite/worker.h"

namespace lockkeeper::stores {

SqliteStore::SqliteStore(SqliteOptions options) : worker_(std::make_unique<Worker>(std::move(options))) {}

SqliteStore::~SqliteStore() = default;

void SqliteStore::open(engine::Completions& completions) {
  worker_->start(completions);
}

void SqliteStore::begin(engine::Operation* chain) {
  worker_->push(chain);
}

void SqliteStore::close() {
  worker_->close();
}

bool SqliteStore::exclusive() const {
  return true;
}

bool SqliteStore::ready() const {
  return worker_->ready();
}

}  // namespace lockkeeper::stores
