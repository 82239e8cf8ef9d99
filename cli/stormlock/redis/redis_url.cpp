#include "cli/stormlock/redis/redis_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/stormlock/section.h"

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::milliseconds;
using Options = std::map<std::string, std::string>;

struct Wrong {
  std::string what;
};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A % that begins nothing stays.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && hex(text[at + 1]) >= 0 && hex(text[at + 2]) >= 0) {
      out += static_cast<char>(hex(text[at + 1]) * 16 + hex(text[at + 2]));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint16_t port(const std::string& text) {
  const auto value = number<std::uint16_t>(text);
  if (!value) throw Wrong{"the port is none"};
  return *value;
}

// Of several the first counts, an empty one never. redis-py decodes values twice.
Options options(std::string_view query) {
  Options found;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const auto equals = one.find('=');
    if (equals == std::string_view::npos || equals + 1 == one.size()) continue;
    std::string name(one.substr(0, equals)), value(one.substr(equals + 1));
    std::replace(name.begin(), name.end(), '+', ' ');
    std::replace(value.begin(), value.end(), '+', ' ');
    found.emplace(decoded(name), decoded(decoded(value)));
  }
  return found;
}

// "[USER]:PASSWORD@HOST:PORT"
void read_place(std::string_view place, stores::redis::Address& address) {
  const auto at = place.rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view account = place.substr(0, at);
    const auto colon = account.find(':');
    const std::string user = decoded(account.substr(0, colon));
    if (!user.empty()) address.user = user;
    if (colon != std::string_view::npos && colon + 1 < account.size()) {
      address.password = decoded(account.substr(colon + 1));
    }
    place.remove_prefix(at + 1);
  }
  std::string_view host = place;
  if (place.starts_with('[')) {
    const auto end = place.find(']');
    if (end == std::string_view::npos) throw Wrong{"the host's bracket has no end"};
    host = place.substr(1, end - 1);
    place.remove_prefix(end + 1);
  } else {
    host = place.substr(0, place.find(':'));
    place.remove_prefix(host.size());
  }
  if (!host.empty()) address.host = decoded(host);
  if (place.size() > 1) address.port = port(std::string(place.substr(1)));
}

// As redis-py, which takes what is no number for no word at all.
void read_database(std::string path, stores::redis::Address& address) {
  path.erase(std::remove(path.begin(), path.end(), '/'), path.end());
  address.database = number<unsigned>(path).value_or(0);
}

milliseconds seconds(const std::string& name, const std::string& text) {
  const auto value = number<double>(text);
  if (!value || !std::isfinite(*value) || *value <= 0 || *value > 86'400) {
    throw Wrong{name + " is a number of seconds above 0 (a day at most)"};
  }
  return std::max(milliseconds(1), milliseconds(std::llround(*value * 1000)));
}

bool said_no(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  static constexpr std::array<std::string_view, 5> no{"0", "F", "FALSE", "N", "NO"};
  return std::find(no.begin(), no.end(), text) != no.end();
}

constexpr std::array<std::string_view, 11> no_matter{"socket_keepalive",      "retry_on_timeout", "retry_on_error",
                                                     "health_check_interval", "max_connections",  "encoding",
                                                     "encoding_errors",       "socket_read_size", "lib_name",
                                                     "lib_version",           "protocol"};

bool tls_option(RedisUrl& url, const std::string& name, const std::string& value) {
  stores::redis::Address& address = url.address;
  const std::array<std::pair<const char*, std::string*>, 5> texts{{{"ssl_ca_certs", &address.ca},
                                                                   {"ssl_ca_path", &address.ca_folder},
                                                                   {"ssl_certfile", &address.certificate},
                                                                   {"ssl_keyfile", &address.key},
                                                                   {"ssl_password", &address.key_password}}};
  for (const auto& [known, place] : texts) {
    if (name == known) {
      *place = value;
      return true;
    }
  }
  if (name == "ssl_check_hostname") {
    address.any_name = said_no(value);
  } else if (name == "ssl_cert_reqs") {
    if (value != "none" && value != "optional" && value != "required") {
      throw Wrong{"ssl_cert_reqs is required, optional or none"};
    }
    address.any_certificate = value == "none";
  } else {
    return false;
  }
  return true;
}

void take_option(RedisUrl& url, const std::string& name, const std::string& value) {
  stores::redis::Address& address = url.address;
  if (name == "db") {
    const auto database = number<unsigned>(value);
    if (!database) throw Wrong{"db is the number of a database"};
    address.database = *database;
  } else if (name == "socket_timeout" || name == "socket_connect_timeout") {
    (name == "socket_timeout" ? url.timeout : url.connect_timeout) = seconds(name, value);
  } else if (name == "client_name") {
    address.client_name = value;
  } else if (name == "host" || name == "username" || name == "password") {
    (name == "host" ? address.host : name == "username" ? address.user : address.password) = value;
  } else if (name == "port") {
    address.port = port(value);
  } else if (std::find(no_matter.begin(), no_matter.end(), name) == no_matter.end() &&
             !(address.tls && tls_option(url, name, value))) {
    throw Wrong{"the option " + name + " is not known" +
                (name.starts_with("ssl_") && !address.tls ? " here: TLS has rediss://" : "")};
  }
}

RedisUrl read(std::string_view text) {
  RedisUrl url;
  url.address.host = "localhost";
  const bool socket = text.starts_with("unix://");
  url.address.tls = text.starts_with("rediss://");
  if (!socket && !url.address.tls && !text.starts_with("redis://")) {
    throw Wrong{"it begins with redis://, rediss:// or unix://"};
  }
  text.remove_prefix(text.find("//") + 2);
  text = text.substr(0, text.find('#'));
  const auto question = text.find('?');
  auto given = options(question == std::string_view::npos ? "" : text.substr(question + 1));
  text = text.substr(0, question);
  const std::string_view place = text.substr(0, text.find('/'));
  const std::string path = decoded(text.substr(place.size()));

  // What the URL itself says counts more than its options, but for the database.
  for (const auto& [name, value] : given) take_option(url, name, value);
  const bool one_for_both = given.contains("socket_timeout") && !given.contains("socket_connect_timeout");
  if (one_for_both) url.connect_timeout = url.timeout;
  read_place(place, url.address);
  if (!socket) {
    if (!given.contains("db")) read_database(path, url.address);
  } else if (path.empty()) {
    throw Wrong{"after unix:// comes the path of a socket"};
  } else {
    url.address.socket = path;
  }
  return url;
}

}  // namespace

RedisUrl redis_url(const std::string& called, const std::string& url) {
  try {
    return read(url);
  } catch (const Wrong& wrong) {
    throw ConfigError(called + ": url: " + wrong.what);
  }
}

}  // namespace lockkeeper::cli::stormlock
