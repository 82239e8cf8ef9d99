#include "stores/redis/redis_options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "engine/store_error.h"

namespace lockkeeper::stores {
namespace {

[[noreturn]] void wrong(const std::string& what) {
  throw engine::StoreError("--store: " + what);
}

unsigned database(const std::string& path) {
  unsigned number = 0;
  const auto [end, fault] = std::from_chars(path.data(), path.data() + path.size(), number);
  if (fault != std::errc() || end != path.data() + path.size()) {
    wrong("what follows redis://HOST/ is the number of a database");
  }
  return number;
}

// They stand in scripts and in names of keys.
bool plain(const std::string& prefix) {
  return !prefix.empty() && prefix.size() <= 128 && std::all_of(prefix.begin(), prefix.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

RedisOptions redis_options(StoreSettings settings) {
  using std::chrono::milliseconds;
  const StoreUrl& url = settings.url;
  if (url.hosts.size() != 1) {
    wrong(url.scheme +
          ":// takes one host: neither Sentinel nor Cluster is spoken to; give the address that leads "
          "to the master");
  }
  RedisOptions options;
  options.host = url.hosts[0].host;
  if (url.hosts[0].port != 0) options.port = url.hosts[0].port;
  options.user = url.user;
  options.password = url.password;
  if (!url.path.empty()) options.database = database(url.path);
  options.tls = url.scheme == "rediss";
  StoreOptions given(url);
  options.prefix = given.text("prefix", options.prefix);
  if (!plain(options.prefix)) wrong("the option prefix is letters, digits and . _ - (128 at most)");
  options.timeout = given.duration("timeout", options.timeout, milliseconds(10));
  options.connect_timeout = given.duration("connect_timeout", options.connect_timeout, milliseconds(10));
  if (options.tls) {
    options.ca = given.text("ca", "");
    options.certificate = given.text("cert", "");
    options.key = given.text("key", "");
    options.server_name = given.text("server_name", "");
  }
  given.finish();
  options.warn = std::move(settings.warn);
  options.info = std::move(settings.info);
  return options;
}

}  // namespace lockkeeper::stores
