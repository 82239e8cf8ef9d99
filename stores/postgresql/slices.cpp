#include "stores/postgresql/slices.h"

namespace lockkeeper::stores::postgresql {

std::string commit_sql(const std::string& schema) {
  return "SELECT * FROM " + schema +
         ".commit_1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19)";
}

std::string read_sql(const std::string& schema) {
  return "SELECT * FROM " + schema + ".read_1($1)";
}

std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  // Longer than any name that fits into an index.
  if (prefix.empty()) return std::string(4096, '\xFF');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string history_sql(const std::string& schema, bool newest_first) {
  const std::string order = std::string(" ORDER BY version") + (newest_first ? " DESC" : "");
  return "SELECT o.oldest, e.version, e.body FROM (SELECT min(version) AS oldest FROM " + schema +
         ".history WHERE lock = $1) o LEFT JOIN LATERAL (SELECT version, body FROM " + schema +
         ".history WHERE lock = $1 AND version > $2" + order + " LIMIT $3 + 1) e ON true" + order;
}

std::string find_free_sql(const std::string& schema) {
  return "WITH slice AS MATERIALIZED (SELECT lock, held, changed FROM " + schema +
         ".heads WHERE lock > $1 ORDER BY lock LIMIT " + std::to_string(free_slice) +
         ") SELECT array(SELECT lock FROM slice WHERE NOT held AND changed < $2 ORDER BY lock LIMIT $3),"
         " (SELECT count(*) FROM slice), (SELECT lock FROM slice ORDER BY lock DESC LIMIT 1)";
}

std::string trim_sql(const std::string& schema) {
  return "WITH slice AS MATERIALIZED (SELECT lock, version, at FROM " + schema +
         ".history WHERE (lock, version) > ($1, $2) ORDER BY lock, version LIMIT $3),"
         " kept AS MATERIALIZED (SELECT l.lock, (SELECT h.version FROM " +
         schema +
         ".history h WHERE h.lock = l.lock ORDER BY h.version DESC OFFSET $5 - 1 LIMIT 1) AS since"
         " FROM (SELECT DISTINCT lock FROM slice) l),"
         " dropped AS (DELETE FROM " +
         schema +
         ".history h USING slice s JOIN kept k ON k.lock = s.lock"
         " WHERE h.lock = s.lock AND h.version = s.version AND (s.at < $4 OR s.version < k.since) RETURNING 1)"
         " SELECT (SELECT count(*) FROM dropped), (SELECT count(*) FROM slice), s.lock, s.version"
         " FROM (SELECT 1) one LEFT JOIN (SELECT lock, version FROM slice ORDER BY lock DESC, version DESC LIMIT "
         "1) s"
         " ON true";
}

}  // namespace lockkeeper::stores::postgresql
