// The queries that look at a part of a table at a time. `schema` is quoted.
#pragma once

#include <string>

namespace lockkeeper::stores::postgresql {

// The ones that are asked all the time; their arguments are schema_sql()'s.
std::string commit_sql(const std::string& schema);
std::string read_sql(const std::string& schema);

// How many heads are looked at for free ones at once.
inline constexpr int free_slice = 10'000;
// How many free heads a scan of held ones passes over at once, unless its time is over before.
inline constexpr int scan_slice = 20'000;

// What no name with that prefix reaches.
std::string behind(std::string prefix);

// $1 lock, $2 after, $3 limit; one row at least: the oldest version kept (or null), then version and body (or
// null). One row more than the limit tells that there are more.
std::string history_sql(const std::string& schema, bool newest_first);

// $1 after, $2 before, $3 limit: one row of the free ones, how many were looked at, and the last of them.
std::string find_free_sql(const std::string& schema);

// $1 and $2 after this lock's version, $3 limit, $4 before, $5 how many are kept of a lock: one row of how many
// were dropped and looked at, and the last looked at.
std::string trim_sql(const std::string& schema);

}  // namespace lockkeeper::stores::postgresql
