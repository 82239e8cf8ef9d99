#include "cli/stormlock/etcd/settings.h"

#include <fstream>
#include <iterator>

namespace lockkeeper::cli::stormlock {
namespace {

std::string text_of(const Section& section, const std::string& key) {
  const auto path = section.get(key);
  if (!path) return {};
  std::ifstream file(*path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file || text.empty()) throw ConfigError(section.called() + ": " + key + ": cannot read the file " + *path);
  return text;
}

long long number(const Section& section, const std::string& key, long long otherwise, long long most) {
  const long long value = section.number(key).value_or(otherwise);
  if (value >= 1 && value <= most) return value;
  throw ConfigError(section.called() + ": " + key + " is not between 1 and " + std::to_string(most));
}

}  // namespace

EtcdSettings etcd_settings(const Section& section) {
  EtcdSettings settings;
  settings.prefix = section.get("prefix", "/");
  auto& client = settings.client;
  const std::string host = section.get("host", "localhost");
  const bool bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  client.endpoints = {(bare_ipv6 ? "[" + host + "]" : host) + ":" +
                      std::to_string(number(section, "port", 2379, 65535))};
  client.timeout = std::chrono::seconds(number(section, "timeout", 10, 1'000'000));

  auto& tls = client.tls;
  tls.ca = text_of(section, "ca_cert");
  tls.on = !tls.ca.empty();
  if (tls.on) {
    tls.certificate = text_of(section, "cert_cert");
    tls.key = text_of(section, "cert_key");
    if (tls.certificate.empty() != tls.key.empty()) {
      throw ConfigError(section.called() + ": cert_cert and cert_key go together");
    }
  }
  const auto user = section.get("user");
  const auto password = section.get("password");
  if (!user && !password) return settings;
  if (!tls.on) {
    throw ConfigError(section.called() +
                      ": user and password go over TLS alone: name the authority's file as ca_cert");
  }
  client.user = user.value_or("");
  client.password = password.value_or("");
  if (client.user.empty()) throw ConfigError(section.called() + ": a password, and no user that it is of");
  return settings;
}

}  // namespace lockkeeper::cli::stormlock
