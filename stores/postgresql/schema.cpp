#include "stores/postgresql/schema.h"

#include "engine/store_error.h"
#include "stores/postgresql/schema_sql.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::StoreError;

[[noreturn]] void fail(const Options& options, const std::string& what, const Fault& fault) {
  throw StoreError(options.shown + ": " + what + ": " + fault.text +
                   (fault.state.empty() ? "" : " (SQLSTATE " + fault.state + ")"));
}

// None: there is no such table.
std::optional<std::int64_t> version_of(Connection& connection, const Options& options) {
  const Answer answer = connection.ask(
      "SELECT version::bigint FROM " + Connection::quoted(options.schema) + ".meta", {}, options.connect_timeout);
  if (answer.fault) {
    if (answer.fault->is("42P01") || answer.fault->is("3F000")) return std::nullopt;  // no table, no schema
    fail(options, "cannot read the schema " + options.schema, *answer.fault);
  }
  if (answer.result.rows() == 0) return std::nullopt;
  return answer.result.integer(0, 0);
}

}  // namespace

void settle_schema(Connection& connection, const Options& options) {
  const auto found = version_of(connection, options);
  if (found == schema_version) return;
  if (found && *found > schema_version) {
    throw StoreError(options.shown + ": the schema " + options.schema + " is version " + std::to_string(*found) +
                     ", this program knows " + std::to_string(schema_version) + ": a newer lockkeeper made it");
  }
  if (!options.migrate) {
    throw StoreError(options.shown + ": the schema " + options.schema +
                     (found ? " is of an older version" : " is not there") +
                     ", and migrate=false: run `lockkeeper schema` with this URL, as a role that may make it");
  }
  make_schema(connection, options);
}

void make_schema(Connection& connection, const Options& options) {
  // Servers that start together wait for each other; what the first one did is no work for the next.
  const Answer answer = connection.run(schema_sql(options.schema), options.connect_timeout);
  if (!answer.fault) return;
  const Fault fault = *answer.fault;
  if (!fault.lost) connection.run("ROLLBACK", options.connect_timeout);
  if (fault.is("42501")) {
    fail(options,
         "this role may not make the schema " + options.schema +
             "; run `lockkeeper schema` as one that may, and grant it what that prints",
         fault);
  }
  fail(options, "cannot make the schema " + options.schema, fault);
}

}  // namespace lockkeeper::stores::postgresql
