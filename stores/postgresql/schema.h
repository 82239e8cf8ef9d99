// Whether the tables are there, and making them.
#pragma once

#include <optional>

#include "stores/postgresql/connection.h"
#include "stores/postgresql/options.h"

namespace lockkeeper::stores::postgresql {

// As options.migrate says: makes what is missing, or throws StoreError.
void settle_schema(Connection& connection, const Options& options);

// Makes it in any case.
void make_schema(Connection& connection, const Options& options);

}  // namespace lockkeeper::stores::postgresql
