// What a postgresql:// (or postgres://) URL says:
//
//   postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/DATABASE][?NAME=VALUE[&...]]
//
// | option               | default     | what it is |
// |----------------------|-------------|---------------------------------------------------------------------------|
// | schema               | lockkeeper  | the PostgreSQL schema with the tables: letters, digits, _ | | pool | 4 |
// connections that work, 1 to 64; one more listens                          | | timeout              | 1500ms |
// every answer is there by then, or there is none; below 2s                 | | connect_timeout      | 5s | how
// long a start tries to reach a host that takes writes                  | | migrate              | true        |
// whether a start makes and upgrades the tables                             | | listen               | on | off: no
// LISTEN; the engine looks for what other servers did instead       | | listen_host          | the hosts   |
// HOST[:PORT][,...] for LISTEN: PostgreSQL itself, where they are PgBouncer | | application_name     | lockkeeper
// | as pg_stat_activity shows it                                              | | target_session_attrs | read-write
// | read-write, primary or any: which of the hosts will do                    | | sslmode              | prefer |
// libpq's, as are the following                                             | | sslrootcert, sslcert, sslkey,
// passfile | libpq's own | files                                                   | | password_file        | - | a
// file whose first line is the password (store_url.h)                     |
//
// The port is 5432 unless it is said, user and database are libpq's own defaults. libpq reads its PG... variables
// too, PGPASSWORD among them.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "stores/postgresql/connection.h"
#include "stores/store_url.h"

namespace lockkeeper::stores::postgresql {

struct Options {
  Target work;
  std::optional<Target> watch;  // none: no LISTEN
  std::string schema;
  std::size_t pool = 4;
  std::chrono::milliseconds timeout{1500};
  std::chrono::milliseconds connect_timeout{5000};
  bool migrate = true;
  std::string shown;  // of the URL, for messages
};

// Throws StoreError.
Options options_of(const StoreUrl& url);

}  // namespace lockkeeper::stores::postgresql
