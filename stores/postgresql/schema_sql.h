// The tables and functions, as text to be run by whoever may.
#pragma once

#include <string>

namespace lockkeeper::stores::postgresql {

inline constexpr int schema_version = 1;

// One transaction that makes all of it, or brings what is there to this version; running it again does no harm.
std::string schema_sql(const std::string& schema);

}  // namespace lockkeeper::stores::postgresql
