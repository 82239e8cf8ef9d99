#include "cli/stormlock/mysql/connection.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <utility>

namespace lockkeeper::cli::stormlock {
namespace {

constexpr unsigned answering = 10;  // seconds
constexpr int tries = 10;           // of what a neighbour's transaction keeps from going through

// None with which a server gets the password itself; and those with which it does, over TLS. Neither has
// mysql_clear_password and dialog.
constexpr const char* hashed = "mysql_native_password,client_ed25519";
constexpr const char* all = "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password";

const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

bool is_lost(unsigned code) {
  return code == CR_SSL_CONNECTION_ERROR || code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST ||
         code == CR_SERVER_LOST_EXTENDED || code == ER_SERVER_SHUTDOWN || code == ER_NET_READ_INTERRUPTED ||
         code == ER_CONNECTION_KILLED || code == CR_UNKNOWN_ERROR;
}

}  // namespace

void MysqlConnection::Close::operator()(st_mysql* own) const {
  mysql_close(own);
}

MysqlConnection::MysqlConnection(MysqlSettings settings) : settings_(std::move(settings)) {}

MysqlConnection::~MysqlConnection() = default;

void MysqlConnection::connect() {
  using Tls = MysqlSettings::Tls;
  const bool tls = settings_.tls != Tls::never && settings_.unix_socket.empty();
  // Only where it verifies the name does the library refuse a server without TLS before it logs in. Elsewhere, what
  // may send the password itself has to wait for a server that has shown whether it has TLS.
  const bool safe = !tls || settings_.verify_name;
  auto refusal = try_to_connect(tls, safe ? all : hashed);
  if (!refusal) return;
  if (!safe && refusal->code == CR_PLUGIN_NOT_ALLOWED) {
    // Where the authority is verified, who is in between must not get the password by hiding that there is TLS.
    if (!settings_.ca.empty()) {
      refusal->text += "; an account with caching_sha2_password needs ssl_verify_identity";
    } else if (refusal->has_tls || settings_.tls == Tls::offered) {
      refusal = try_to_connect(refusal->has_tls, all);
    }
  }
  if (refusal) throw BackendError(where() + refusal->text);
}

std::optional<MysqlConnection::Refusal> MysqlConnection::try_to_connect(bool tls, const char* logins) {
  std::unique_ptr<st_mysql, Close> own(mysql_init(nullptr));
  if (!own) throw std::bad_alloc();
  const auto set = [&](mysql_option option, const void* value) { mysql_options(own.get(), option, value); };
  const auto connecting = static_cast<unsigned>(settings_.connection_timeout.count());
  set(MYSQL_OPT_CONNECT_TIMEOUT, &connecting);
  set(MYSQL_OPT_READ_TIMEOUT, &answering);
  set(MYSQL_OPT_WRITE_TIMEOUT, &answering);
  set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
  set(MYSQL_INIT_COMMAND, "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', autocommit = 1");
  set(MARIADB_OPT_RESTRICTED_AUTH, logins);
  const bool local = !settings_.unix_socket.empty();
  const unsigned over = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
  set(MYSQL_OPT_PROTOCOL, &over);
  if (tls) {
    mysql_ssl_set(own.get(), or_null(settings_.key), or_null(settings_.certificate), or_null(settings_.ca), nullptr,
                  or_null(settings_.cipher));
    // Despite its name: where the server has none, it goes on without.
    const my_bool on = 1;
    const my_bool verify = settings_.verify_name ? 1 : 0;
    set(MYSQL_OPT_SSL_ENFORCE, &on);
    set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (!settings_.tls_versions.empty()) set(MARIADB_OPT_TLS_VERSION, settings_.tls_versions.c_str());
  }
  // FOUND_ROWS: a change that changes nothing has matched all the same.
  if (mysql_real_connect(own.get(), local ? nullptr : settings_.host.c_str(), settings_.user.c_str(),
                         settings_.password.c_str(), or_null(settings_.database), settings_.port,
                         or_null(settings_.unix_socket), CLIENT_FOUND_ROWS) == nullptr) {
    const unsigned code = mysql_errno(own.get());
    // The library's text has a name in it that is no longer there.
    const std::string text = code == CR_PLUGIN_NOT_ALLOWED
                                 ? "the server asks for a login that is not taken, for it would show the password"
                                 : mysql_error(own.get());
    return Refusal{code, text, (own->server_capabilities & CLIENT_SSL) != 0};
  }
  if (settings_.tls == MysqlSettings::Tls::always && !local && mysql_get_ssl_cipher(own.get()) == nullptr) {
    return Refusal{0, "the server has no TLS, which the configuration asks for", false};
  }
  own_ = std::move(own);
  return std::nullopt;
}

std::string MysqlConnection::where() const {
  if (!settings_.unix_socket.empty()) return "MySQL at " + settings_.unix_socket + ": ";
  return "MySQL at " + settings_.host + " port " + std::to_string(settings_.port) + ": ";
}

MysqlAnswer MysqlConnection::ask(const std::string& sql) {
  if (!own_) connect();
  if (!checked_) require_timestamps();
  return run(sql);
}

void MysqlConnection::require_timestamps() {
  if (!run("SELECT created, expires FROM " + settings_.table + " LIMIT 0").timestamps) {
    throw BackendError(
        "MySQL: created and expires of " + settings_.table +
        " are not TIMESTAMP, and which time zone they are in nobody can tell; while nothing is held: "
        "ALTER TABLE " +
        settings_.table + " MODIFY created TIMESTAMP NOT NULL DEFAULT NOW(), MODIFY expires TIMESTAMP NOT NULL");
  }
  checked_ = true;
}

MysqlAnswer MysqlConnection::run(const std::string& sql) {
  for (int i = 1;; ++i) {
    if (mysql_real_query(own_.get(), sql.data(), sql.size()) == 0) {
      if (auto found = answer()) return *std::move(found);
    }
    const unsigned code = mysql_errno(own_.get());
    const std::string text = mysql_error(own_.get());
    if (code == ER_DUP_ENTRY) {
      MysqlAnswer duplicate;
      duplicate.duplicate = true;
      return duplicate;
    }
    if (is_lost(code)) {
      own_.reset();
      throw AnswerLost("MySQL: " + text);
    }
    if (i == tries || code != ER_LOCK_DEADLOCK) refuse(code, text);
  }
}

std::optional<MysqlAnswer> MysqlConnection::answer() {
  MysqlAnswer answer;
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(own_.get()),
                                                                        &mysql_free_result);
  if (!result) {
    if (mysql_field_count(own_.get()) != 0) return std::nullopt;
    answer.matched = mysql_affected_rows(own_.get());
    return answer;
  }
  const unsigned columns = mysql_num_fields(result.get());
  const MYSQL_FIELD* fields = mysql_fetch_fields(result.get());
  answer.timestamps =
      std::all_of(fields, fields + columns, [](const auto& one) { return one.type == MYSQL_TYPE_TIMESTAMP; });
  while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(result.get());
    auto& values = answer.rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      if (row[i] == nullptr) {
        values.emplace_back();
      } else {
        values.emplace_back(std::string(row[i], lengths[i]));
      }
    }
  }
  return answer;
}

void MysqlConnection::refuse(unsigned code, const std::string& text) const {
  std::string hint;
  switch (code) {
    case ER_NO_SUCH_TABLE:
      hint = "; make it: CREATE TABLE " + settings_.table +
             " (resource VARCHAR(128) PRIMARY KEY, lease BINARY(16) NOT NULL, principal VARCHAR(128) NOT NULL, "
             "created TIMESTAMP NOT NULL DEFAULT NOW(), expires TIMESTAMP NOT NULL)";
      break;
    case ER_NO_DB_ERROR:
      hint = "; name it as database = NAME";
      break;
    case ER_DATA_TOO_LONG:
      hint = "; the resource's name or the principal is longer than the table has room for";
      break;
    case ER_CANT_AGGREGATE_2COLLATIONS:
      hint = "; the table has no room for such letters: ALTER TABLE " + settings_.table +
             " CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
      break;
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_DATETIME_FUNCTION_OVERFLOW:
    case ER_BAD_NULL_ERROR:
      hint = "; a TIMESTAMP ends in January 2038, so a ttl must not go past it";
      break;
    default:
      break;
  }
  throw BackendError("MySQL: " + text + hint);
}

}  // namespace lockkeeper::cli::stormlock
