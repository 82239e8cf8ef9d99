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

// Creates `path`, which must not exist, with a schema, and without WAL. Throws as above.
std::unique_ptr<Database> create_database_file(const std::string& path);

// Makes what happened to the entries of the folder of `path` durable. Throws engine::StoreError.
void sync_folder_of(const std::string& path);

}  // namespace lockkeeper::stores::sqlite
