// The tables, and how an older file becomes a current one.
#pragma once

#include "stores/sqlite/database.h"

namespace lockkeeper::stores::sqlite {

inline constexpr int application_id = 0x4c6b7072;  // "Lkpr": tells our files from other programs'

// Inside a transaction of the caller's. Makes the tables of an empty file, or takes an older one through the
// steps it lacks. Throws engine::StoreError for a newer schema or another program's file.
void migrate(Database& database, bool fresh);

}  // namespace lockkeeper::stores::sqlite
