#include "agent/server_settings.h"

#include <strings.h>

#include <string_view>

#include "http/client.h"

namespace lockkeeper::agent {

namespace {

bool begins_with(const std::string& text, std::string_view start) {
  return text.size() >= start.size() && strncasecmp(text.data(), start.data(), start.size()) == 0;
}

// What is between "//" and the path.
std::string_view authority(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

std::string parse_fault(const std::string& url) {
  try {
    http::require_base_url(url);
    return {};
  } catch (const http::HttpError& error) {
    return error.what();
  }
}

std::string proxy_fault(const std::string& url) {
  for (const std::string_view scheme : {"http://", "https://", "socks5://"}) {
    if (begins_with(url, scheme)) return parse_fault("http://" + url.substr(scheme.size()));
  }
  return "it does not begin with http://, https:// or socks5://";
}

}  // namespace

bool ServerSettings::https() const {
  return begins_with(url, "https://");
}

std::string fault_of(const ServerSettings& server) {
  if (const std::string fault = parse_fault(server.url); !fault.empty()) return "server cannot be used: " + fault;
  // It would go along in every request, without TLS too.
  if (authority(server.url).find('@') != std::string_view::npos) return "server holds a user name or password";
  if (server.proxy_url.empty()) return {};
  const std::string fault = proxy_fault(server.proxy_url);
  return fault.empty() ? fault : "proxy-url cannot be used: " + fault;
}

}  // namespace lockkeeper::agent
