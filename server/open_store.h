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

// The store that such a text means, as --store has it; the text is wiped, since it may be secret. `called` begins
// what the store says of itself in the log. Throws StartError and engine::StoreError.
std::unique_ptr<engine::Store> open_store(std::string& text, const std::string& called, engine::Settings& settings,
                                          Log& log);

// Throws StartError where it says sqlite:PATH and there is no such database: none is to be made there.
void require_sqlite_file(const std::string& text);

// What a URL's store is told. Throws StartError for what is no URL at all, and engine::StoreError.
stores::StoreSettings store_settings(const std::string& text, const std::string& called, Log& log);

// The module of that scheme, loaded. Throws StartError.
const stores::StoreKind& store_kind(const stores::StoreUrl& url);

}  // namespace lockkeeper::server
