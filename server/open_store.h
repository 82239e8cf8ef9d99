// Finds out which store the options mean, and takes over an original locker's data file.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "engine/store.h"
#include "server/log.h"
#include "server/options.h"
#include "stores/module.h"

namespace lockkeeper::server {

// The server cannot start; the text is for the operator.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// LOCKER_CONFIG names a database of ours, made there when nothing is; or an original's data file, which is kept as
// it is: its locks are taken over once into the file beside it with ".db" appended, which then is the database,
// also when the original's file is gone. A URL's store is loaded from its module, and may adjust what the engine is
// told. `log` outlives the store. Throws StartError and engine::StoreError.
std::unique_ptr<engine::Store> open_store(Options& options, Log& log);

// The module of that scheme, loaded. Throws StartError.
const stores::StoreKind& store_kind(const stores::StoreUrl& url);

}  // namespace lockkeeper::server
