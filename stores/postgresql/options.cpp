#include "stores/postgresql/options.h"

#include <algorithm>
#include <cctype>

#include "engine/store_error.h"

namespace lockkeeper::stores::postgresql {
namespace {

using engine::StoreError;
using std::chrono::milliseconds;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs hosts_of(const std::vector<HostPort>& hosts) {
  Pairs pairs;
  for (const HostPort& one : hosts) pairs.emplace_back(one.host, std::to_string(one.port == 0 ? 5432 : one.port));
  return pairs;
}

// Of a name within "quotes", at most what an identifier and a channel may be long.
std::string schema_name(std::string name) {
  const bool fits =
      !name.empty() && name.size() <= 63 &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (!fits) throw StoreError("--store: the option schema is not made of letters, digits and _ (63 at most)");
  return name;
}

std::string one_of(StoreOptions& options, const std::string& name, const std::vector<std::string>& words) {
  std::string value = options.text(name, words.front());
  if (std::find(words.begin(), words.end(), value) != words.end()) return value;
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  throw StoreError("--store: the option " + name + " is none of " + all);
}

}  // namespace

Options options_of(const StoreUrl& url) {
  StoreOptions read(url);
  Options options;
  options.shown = shown(url);
  options.schema = schema_name(read.text("schema", "lockkeeper"));
  options.pool = read.number("pool", 4, 1, 64);
  options.timeout = read.duration("timeout", milliseconds(1500), milliseconds(100));
  options.connect_timeout = read.duration("connect_timeout", milliseconds(5000), milliseconds(100));
  options.migrate = read.flag("migrate", true);

  auto& parameters = options.work.parameters;
  options.work.hosts = hosts_of(url.hosts);
  if (!url.user.empty()) parameters.emplace_back("user", url.user);
  if (!url.password.empty()) parameters.emplace_back("password", url.password);
  if (!url.path.empty()) parameters.emplace_back("dbname", url.path);
  parameters.emplace_back("client_encoding", "UTF8");
  parameters.emplace_back("application_name", read.text("application_name", "lockkeeper"));
  parameters.emplace_back("target_session_attrs",
                          one_of(read, "target_session_attrs", {"read-write", "primary", "any"}));
  for (const char* name : {"sslmode", "sslrootcert", "sslcert", "sslkey", "passfile"}) {
    if (read.has(name)) parameters.emplace_back(name, read.text(name, ""));
  }
  // A host that went away without a word is noticed by the one who listens and sends nothing, too.
  for (const auto& [name, value] : {std::pair("keepalives_idle", "10"), std::pair("keepalives_interval", "2"),
                                    std::pair("keepalives_count", "3"), std::pair("tcp_user_timeout", "10000")}) {
    parameters.emplace_back(name, value);
  }

  const bool listens = one_of(read, "listen", {"on", "off"}) == "on";
  const std::string listen_host = read.text("listen_host", "");
  if (listens) options.watch = options.work;
  if (!listen_host.empty()) {
    if (!listens) throw StoreError("--store: listen=off and listen_host exclude each other");
    const StoreUrl elsewhere = parse_store_url("postgresql://" + listen_host);
    const bool plain = elsewhere.user.empty() && elsewhere.path.empty() && elsewhere.options.empty();
    if (!plain) throw StoreError("--store: the option listen_host is no HOST:PORT");
    options.watch->hosts = hosts_of(elsewhere.hosts);
  }
  read.finish();
  return options;
}

}  // namespace lockkeeper::stores::postgresql
