#include "cli/stormlock/mysql/settings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "cli/stormlock/table_name.h"

namespace lockkeeper::cli::stormlock {
namespace {

constexpr std::array known = {"table",
                              "host",
                              "port",
                              "unix_socket",
                              "user",
                              "username",
                              "password",
                              "passwd",
                              "database",
                              "db",
                              "ssl_ca",
                              "connection_timeout",
                              "ssl_cert",
                              "ssl_key",
                              "ssl_cipher",
                              "connect_timeout",
                              "ssl_disabled",
                              "tls_versions",
                              "ssl_verify_cert",
                              "ssl_verify_identity"};

constexpr std::array without_meaning = {"allow_local_infile",
                                        "allow_local_infile_in_path",
                                        "auth_plugin",
                                        "autocommit",
                                        "buffered",
                                        "charset",
                                        "client_flags",
                                        "collation",
                                        "compress",
                                        "consume_results",
                                        "conn_attrs",
                                        "converter_class",
                                        "force_ipv6",
                                        "get_warnings",
                                        "init_command",
                                        "pool_name",
                                        "pool_reset_session",
                                        "pool_size",
                                        "prepared",
                                        "raise_on_warnings",
                                        "raw",
                                        "sql_mode",
                                        "time_zone",
                                        "use_pure",
                                        "use_unicode"};

template <class Names>
bool is_one_of(const std::string& key, const Names& names) {
  return std::find(names.begin(), names.end(), std::string_view(key)) != names.end();
}

std::optional<bool> flag(const Section& section, const std::string& key) {
  const auto text = section.get(key);
  if (!text) return std::nullopt;
  std::string lower = *text;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "true" || lower == "1") return true;
  if (lower == "false" || lower == "0") return false;
  throw ConfigError(section.called() + ": " + key + " is neither true nor false");
}

unsigned number(const Section& section, const std::string& key, unsigned otherwise, long long most) {
  const long long value = section.number(key).value_or(otherwise);
  if (value >= 1 && value <= most) return static_cast<unsigned>(value);
  throw ConfigError(section.called() + ": " + key + " is not between 1 and " + std::to_string(most));
}

// A list as Python writes one, ['TLSv1.2', 'TLSv1.3'], or with commas alone.
std::string list(std::string text) {
  std::erase_if(text, [](char c) { return c == '[' || c == ']' || c == '\'' || c == '"' || c == ' '; });
  return text;
}

}  // namespace

MysqlSettings mysql_settings(const Section& section) {
  for (const std::string& key : section.keys()) {
    if (is_one_of(key, known) || is_one_of(key, without_meaning)) continue;
    throw ConfigError(section.called() + ": " + key + " is no setting of this backend");
  }
  MysqlSettings settings;
  settings.table = table_name(section, '`');
  settings.host = section.get("host", "127.0.0.1");
  settings.unix_socket = section.get("unix_socket", "");
  settings.port = number(section, "port", 3306, 65535);
  settings.user = section.get("user", section.get("username", ""));
  settings.password = section.get("password", section.get("passwd", ""));
  settings.database = section.get("database", section.get("db", ""));
  settings.connection_timeout = std::chrono::seconds(
      number(section, "connection_timeout", number(section, "connect_timeout", 10, 1'000'000), 1'000'000));
  settings.ca = section.get("ssl_ca", "");
  settings.certificate = section.get("ssl_cert", "");
  settings.key = section.get("ssl_key", "");
  settings.cipher = section.get("ssl_cipher", "");
  settings.tls_versions = list(section.get("tls_versions", ""));
  const auto verify = flag(section, "ssl_verify_cert");
  const bool must = verify.value_or(false) || !(settings.ca + settings.certificate).empty();
  settings.verify_name = flag(section, "ssl_verify_identity").value_or(must && verify.value_or(true)) ||
                         (verify.value_or(false) && settings.ca.empty());
  if (verify == false) settings.ca.clear();
  if (settings.certificate.empty() != settings.key.empty()) {
    throw ConfigError(section.called() + ": ssl_cert and ssl_key go together");
  }
  if (flag(section, "ssl_disabled").value_or(false)) {
    settings.tls = MysqlSettings::Tls::never;
  } else if (must || settings.verify_name) {
    settings.tls = MysqlSettings::Tls::always;
  }
  return settings;
}

}  // namespace lockkeeper::cli::stormlock
