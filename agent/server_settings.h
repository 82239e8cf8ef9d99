// A server to ask, Kubernetes' or Argo's.
#pragma once

#include <string>

namespace lockkeeper::agent {

// How it is reached, and known to be the one. Strings are empty when not given.
struct ServerSettings {
  std::string url;              // https://host:port with an optional path before all others; no userinfo
  std::string ca_file;          // PEM; given, it replaces the system's roots; read again when it changes
  std::string ca_data;          // the same as PEM text
  std::string tls_server_name;  // SNI and the name that is checked, instead of the URL's host
  std::string proxy_url;        // http, https or socks5; empty: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say
  bool insecure_skip_tls_verify = false;
  bool compression = true;  // of answers

  bool https() const;
};

// What is wrong with the URL or the proxy's, in a sentence that begins with the field and shows no value; empty:
// nothing. Pure.
std::string fault_of(const ServerSettings& server);

}  // namespace lockkeeper::agent
