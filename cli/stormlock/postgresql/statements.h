// What is asked of PostgreSQL, over the original's table:
//
//   resource text primary key, lease uuid, principal text, created timestamp, expires timestamp
//
// `created` and `expires` are local time, as the original has them. When a row ends is known where its lease's id
// tells the offset (zoned_lease_id.h) and `expires` is whole seconds after `created`, as the original leaves it
// behind only when it acquires, with an id of its own. Of other rows it is not known in which zone they were
// written, unless the configuration names the zone: to who would take the lock, they are held until they have ended
// in each zone that there is; to who asks whether he still has it, they end by his session's zone; renewed, they go
// on to the end in each zone. Columns of type timestamptz, as somebody may have made of these, need none of it;
// those with less than microseconds never tell that it was us.
#pragma once

#include <string>

namespace lockkeeper::cli::stormlock {

struct Statements {
  // `zone`: of the rows that the original wrote; empty: whichever.
  Statements(const std::string& table, const std::string& zone);

  std::string offset;   // ttl in seconds -> minutes that the session's local time will be ahead of UTC by then
  std::string acquire;  // resource, lease, principal, ttl in seconds, those minutes -> created; no row: held
  std::string release;  // resource, lease
  std::string renew;    // resource, lease, ttl in seconds -> a row, if it was renewed
  std::string current;  // resource -> lease, principal, created; no row: not held
  std::string is_held;  // resource, lease -> a row, if it is
};

}  // namespace lockkeeper::cli::stormlock
