#include "cli/stormlock/postgresql/statements.h"

#include "cli/stormlock/postgresql/zoned_lease_id.h"

namespace lockkeeper::cli::stormlock {
namespace {

const char* const now = "timezone('UTC', now())";

std::string ending(const std::string& ttl) {
  return "(now() + " + ttl + " * interval '1 second')";
}

const char* const knows_zones = "(pg_typeof(held.expires) = 'timestamptz'::regtype)";

// An offset tells of it only while nobody but us has written `expires`.
std::string is_known() {
  return "(" + sql_tells_offset("held.lease") +
         " AND date_part('microseconds', held.expires - held.created)::bigint % 1000000 = 0)";
}

std::string offset() {
  return sql_minutes("held.lease") + " * interval '1 minute'";
}

// Never false of what is held: the furthest west are the ships of UTC-12.
std::string lives(const std::string& zone) {
  const std::string elsewhere =
      zone.empty() ? std::string(now) + " - interval '12 hours'" : "timezone('" + zone + "', now())";
  return std::string("CASE WHEN ") + knows_zones +
         " THEN held.expires::timestamptz >= now()"
         " WHEN " +
         is_known() + " THEN held.expires >= " + now + " + " + offset() + " ELSE held.expires >= " + elsewhere +
         " END";
}

// As it stands there, cut to milliseconds.
const char* const created = "left(to_char(held.created, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), -3)";

}  // namespace

Statements::Statements(const std::string& table, const std::string& zone) {
  const std::string mine = "held.resource = $1 AND held.lease = $2::uuid";
  const std::string live = "(" + lives(zone) + ")";
  offset = "SELECT ceil(extract(timezone FROM " + ending("$1") + ") / 60)::bigint";
  acquire = "INSERT INTO " + table +
            " AS held (resource, lease, principal, created, expires) VALUES"
            " ($1, $2::uuid, $3, now()::timestamp, timezone('UTC', " +
            ending("$4") +
            ") + $5 * interval '1 minute')"
            " ON CONFLICT (resource) DO UPDATE SET lease = excluded.lease, principal = excluded.principal,"
            " created = excluded.created, expires = excluded.expires WHERE NOT " +
            live + " RETURNING " + created;
  release = "DELETE FROM " + table + " AS held WHERE " + mine;
  // Later than it has to be by less than a second. Where the session's zone has put its clocks forward since it was
  // acquired, the original there must not take it for ended an hour early.
  const std::string ends = ending("$3");
  const std::string kept = "(timezone('UTC', " + ends + ") + " + stormlock::offset() + ")";
  const std::string local = ends + "::timestamp";
  const std::string later = "CASE WHEN " + local + " - " + kept +
                            " BETWEEN interval '0' AND interval '1 hour' THEN " + local + " ELSE " + kept + " END";
  // In a zone that is not known, no session must find it ended earlier than before.
  const std::string elsewhere =
      zone.empty() ? "greatest(" + local + ", held.expires)" : "timezone('" + zone + "', " + ends + ")";
  renew = "UPDATE " + table + " AS held SET expires = CASE WHEN " + knows_zones + " THEN " + local + " WHEN " +
          is_known() + " THEN held.created + ceil(extract(epoch FROM (" + later +
          ") - held.created)) * interval '1 second' ELSE " + elsewhere + " END WHERE " + mine + " AND " + live +
          " RETURNING 1";
  current = "SELECT held.lease::text, held.principal, " + std::string(created) + " FROM " + table +
            " AS held WHERE held.resource = $1 AND " + live;
  is_held = "SELECT 1 FROM " + table + " AS held WHERE " + mine + " AND " + live;
}

}  // namespace lockkeeper::cli::stormlock
