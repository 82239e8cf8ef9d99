#include "stores/module.h"

#include <utility>

#include "stores/postgresql/postgresql_store.h"

namespace {

using namespace lockkeeper::stores;

const StoreKind postgresql_kind = {[](StoreSettings settings) -> std::unique_ptr<lockkeeper::engine::Store> {
                                     return std::make_unique<PostgresqlStore>(std::move(settings));
                                   },
                                   adjust_to_postgresql, postgresql_schema, migrate_postgresql};

}  // namespace

LOCKKEEPER_STORE_MODULE(postgresql_kind)
