#include "cli/stormlock/lockkeeper/lockkeeper_section.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <variant>

#include "locks/duration.h"

namespace lockkeeper::cli::stormlock {
namespace {

[[noreturn]] void wrong(const Section& section, const std::string& what) {
  throw ConfigError(section.called() + ": " + what);
}

std::string url(const Section& section) {
  std::string url = section.get("url", "");
  if (url.empty()) wrong(section, "url is missing: give the server's address, as in url = http://localhost:3000");
  try {
    http::require_base_url(url);
  } catch (const http::HttpError&) {
    wrong(section, "url is not the address of a server, as in http://localhost:3000");
  }
  return url;
}

std::string authorities(const Section& section) {
  const std::string path = section.get("ca_cert", "");
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad() || text.empty()) {
    wrong(section, "ca_cert: " + path + " cannot be read: give a PEM file of certificates");
  }
  return text;
}

bool flag(const Section& section, const std::string& key) {
  const std::string text = section.get(key, "false");
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0", ""}) {
    if (text == no) return false;
  }
  wrong(section, key + " is neither true nor false");
}

std::chrono::milliseconds timeout(const Section& section) {
  const std::string text = section.get("timeout", "10s");
  const auto parsed = locks::parse_duration(text);
  const auto* timeout = std::get_if<std::chrono::milliseconds>(&parsed);
  if (timeout == nullptr) wrong(section, "timeout: " + std::get<locks::DurationFault>(parsed).text);
  if (timeout->count() == 0) wrong(section, "timeout is 0: give a time as 10s");
  return *timeout;
}

}  // namespace

client::Settings read_lockkeeper_section(const Section& section) {
  client::Settings settings;
  settings.uri = url(section);
  settings.http.username = section.get("username", "");
  settings.http.password = section.get("password", "");
  if (settings.http.username.empty() && !settings.http.password.empty()) {
    wrong(section, "password stands there without username");
  }
  settings.http.ca_cert = authorities(section);
  settings.http.skip_ssl_validation = flag(section, "skip_ssl_validation");
  settings.http.user_agent = "stormlock";
  settings.request_timeout = timeout(section);
  return settings;
}

}  // namespace lockkeeper::cli::stormlock
