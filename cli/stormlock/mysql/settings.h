// [backend.mysql]: the table, and what the original hands on to MySQL's connector, under its names:
//
//   table                            stormlock; may be DATABASE.TABLE
//   host, port, unix_socket          127.0.0.1, 3306; TCP also to localhost
//   user, password, database         (also: username, passwd, db)
//   connection_timeout               seconds (also: connect_timeout); 10
//   ssl_ca, ssl_cert, ssl_key        PEM files; they make TLS a must, and that authority has to have signed the
//                                    server's certificate, which has to be for `host`
//   ssl_verify_identity              false: whoever else it is for
//   ssl_verify_cert                  true, without ssl_ca: verify certificate and name by the system's authorities;
//                                    false: don't look at it, even with ssl_ca
//   ssl_disabled                     true: no TLS; else, and without ssl_ca, it is used where the server has it
//   ssl_cipher, tls_versions         as OpenSSL has the names; TLSv1.2,TLSv1.3
//
// What of the connector's settings makes no difference to locks is ignored (charset, use_pure, autocommit,
// time_zone, sql_mode ...); any other key is an error, as it is there.
#pragma once

#include <chrono>
#include <string>

#include "cli/stormlock/section.h"

namespace lockkeeper::cli::stormlock {

struct MysqlSettings {
  std::string table;
  std::string host, unix_socket;
  unsigned port = 3306;
  std::string user, password, database;
  std::chrono::seconds connection_timeout{10};
  enum class Tls { never, offered, always } tls = Tls::offered;
  bool verify_name = false;
  std::string ca, certificate, key, cipher, tls_versions;  // empty: none given
};

// Throws ConfigError.
MysqlSettings mysql_settings(const Section& section);

}  // namespace lockkeeper::cli::stormlock
