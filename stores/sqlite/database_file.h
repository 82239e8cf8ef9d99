// A store's file from "there may be something at this path" to a connection that owns it.
#pragma once

#include <memory>
#include <string>

#include "stores/sqlite/database.h"
#include "stores/sqlite/sqlite_store.h"

namespace lockkeeper::stores::sqlite {

// Creates the file or takes it over, checks it, migrates it, and turns on WAL. The result holds the file's
// exclusive lock until it is destroyed. Throws engine::StoreError whose text names the file.
std::unique_ptr<Database> open_database_file(const SqliteOptions& options);

// Makes a database of an empty file, with a schema, and without WAL. Throws as above.
std::unique_ptr<Database> create_database(const std::string& empty_file, const std::string& vfs = {});

}  // namespace lockkeeper::stores::sqlite
