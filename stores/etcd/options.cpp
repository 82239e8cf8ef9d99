#include "stores/etcd/options.h"

#include <fstream>
#include <iterator>

#include "engine/store_error.h"
#include "stores/etcd/layout.h"

namespace lockkeeper::stores::etcd {
namespace {

using engine::StoreError;

std::string file(const std::string& option, const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty()) throw StoreError("--store: cannot read " + option + "=" + path);
  return text;
}

std::string endpoint(const HostPort& host) {
  const std::string name = host.host.find(':') == std::string::npos ? host.host : "[" + host.host + "]";
  return name + ":" + std::to_string(host.port == 0 ? 2379 : host.port);
}

}  // namespace

EtcdOptions options_of(const StoreUrl& url) {
  using std::chrono::milliseconds;
  StoreOptions given(url);
  EtcdOptions options;
  for (const HostPort& each : url.hosts) options.client.endpoints.push_back(endpoint(each));
  options.client.user = url.user;
  options.client.password = url.password;
  if (url.user.empty() && !url.password.empty()) throw StoreError("--store: a password, and no user that it is of");
  options.client.timeout = given.duration("timeout", milliseconds(1500), milliseconds(100));
  options.connect_timeout = given.duration("connect_timeout", milliseconds(5000), milliseconds(100));
  options.in_flight = given.number("in_flight", 8, 1, 10'000);

  Tls& tls = options.client.tls;
  tls.on = given.flag("tls", given.has("ca") || given.has("cert") || given.has("server_name"));
  tls.ca = file("ca", given.text("ca", ""));
  tls.certificate = file("cert", given.text("cert", ""));
  tls.key = file("key", given.text("key", ""));
  tls.server_name = given.text("server_name", "");
  if (tls.certificate.empty() != tls.key.empty()) throw StoreError("--store: cert and key go together");
  if (!tls.on && !(tls.ca + tls.certificate + tls.server_name).empty()) {
    throw StoreError("--store: tls=false contradicts ca, cert and server_name");
  }
  given.finish();

  std::string path = url.path.empty() ? "lockkeeper" : url.path;
  while (path.ends_with('/')) path.pop_back();
  if (path.find('\0') != std::string::npos) throw StoreError("--store: the path holds a zero byte");
  options.prefix = path + "/";
  options.client.probe_key = Layout(options.prefix).format();
  options.shown = stores::shown(url);
  return options;
}

}  // namespace lockkeeper::stores::etcd
