#include "cli/stormlock/postgresql/statements.h"

#include "cli/stormlock/postgresql/zoned_lease_id.h"

namespace lockkeeper::cli::stormlock {
namespace {

const char* const now = "timezone('UTC', now())";

std::string ending(const std::string& ttl) {
  return "(now() + " + ttl + " * interval '1 second')";
}

const char* const knows_zones = "(pg_typeof(held.expires) = 'timestamptz'::regtype)";

// In columns of whole seconds, or of milliseconds, what the original writes may be as whole as what we do.
std::string tells_whose(const std::string& table) {
  std::string quoted;
  for (const char c : table) quoted += c == '\'' ? "''" : std::string(1, c);
  return "(SELECT bool_and(atttypmod NOT BETWEEN 0 AND 5) FROM pg_attribute WHERE attrelid = '" + quoted +
         "'::regclass AND attname IN ('created', 'expires'))";
}

// An offset tells of it only while nobody but us has written `expires`.
std::string is_known(const std::string& table) {
  return "(" + sql_tells_offset("held.lease") +
         " AND date_part('microseconds', held.expires - held.created)::bigint % 1000000 = 0 AND " +
         tells_whose(table) + ")";
}

std::string offset() {
  return sql_minutes("held.lease") + " * interval '1 minute'";
}

// `otherwise`: what the local time is to a row of which nobody knows the zone.
std::string lives(const std::string& table, const std::string& zone, const std::string& otherwise) {
  const std::string elsewhere = zone.empty() ? otherwise : "timezone('" + zone + "', now())";
  return std::string("(CASE WHEN ") + knows_zones + " THEN held.expires::timestamptz >= now() WHEN " +
         is_known(table) + " THEN held.expires >= " + now + " + " + offset() +
         " ELSE held.expires >= " + elsewhere + " END)";
}

// As it stands there, cut to milliseconds.
const char* const created = "left(to_char(held.created, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), -3)";

}  // namespace

Statements::Statements(const std::string& table, const std::string& zone) {
  const std::string mine = "held.resource = $1 AND held.lease = $2::uuid";
  // To who would take it, never ended while it is held: the furthest west are the ships of UTC-12. To who asks
  // whether he still has it, what it is to an original in his place.
  const std::string held = lives(table, zone, std::string(now) + " - interval '12 hours'");
  const std::string still_mine = lives(table, zone, "now()::timestamp");
  offset = "SELECT ceil(extract(timezone FROM " + ending("$1") + ") / 60)::bigint";
  acquire = "INSERT INTO " + table +
            " AS held (resource, lease, principal, created, expires) VALUES"
            " ($1, $2::uuid, $3, now()::timestamp, timezone('UTC', " +
            ending("$4") +
            ") + $5 * interval '1 minute')"
            " ON CONFLICT (resource) DO UPDATE SET lease = excluded.lease, principal = excluded.principal,"
            " created = excluded.created, expires = excluded.expires WHERE NOT " +
            held + " RETURNING " + created;
  release = "DELETE FROM " + table + " AS held WHERE " + mine;
  // Later than it has to be by less than a second. Where the session's zone has put its clocks forward since it was
  // acquired, the original there must not take it for ended an hour early.
  const std::string ends = ending("$3");
  const std::string kept = "(timezone('UTC', " + ends + ") + " + stormlock::offset() + ")";
  const std::string local = ends + "::timestamp";
  const std::string later = "CASE WHEN " + local + " - " + kept +
                            " BETWEEN interval '0' AND interval '1 hour' THEN " + local + " ELSE " + kept + " END";
  // In a zone that is not known, no session must find it ended too early: the furthest east is UTC+14.
  const std::string elsewhere = zone.empty() ? "timezone('UTC', " + ends + ") + interval '14 hours'"
                                             : "timezone('" + zone + "', " + ends + ")";
  renew = "UPDATE " + table + " AS held SET expires = CASE WHEN " + knows_zones + " THEN " + local + " WHEN " +
          is_known(table) + " THEN held.created + ceil(extract(epoch FROM (" + later +
          ") - held.created)) * interval '1 second' ELSE " + elsewhere + " END WHERE " + mine + " AND " +
          still_mine + " RETURNING 1";
  current = "SELECT held.lease::text, held.principal, " + std::string(created) + " FROM " + table +
            " AS held WHERE held.resource = $1 AND " + held;
  is_held = "SELECT 1 FROM " + table + " AS held WHERE " + mine + " AND " + still_mine;
}

}  // namespace lockkeeper::cli::stormlock
