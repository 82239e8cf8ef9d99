// Requests to one server, Kubernetes' or Argo's, with credentials over https only. Redirects are not followed.
// After a 401 the credentials are read anew (a token file, an exec plugin) and the request is sent once more.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "agent/credentials.h"
#include "agent/server_settings.h"
#include "http/client.h"

namespace lockkeeper::agent {

struct EndpointLimits {
  std::chrono::milliseconds connect = std::chrono::seconds(10);
  std::chrono::milliseconds request = std::chrono::seconds(30);  // the whole of it, each time it is sent
  std::size_t answer_bytes = 32 * 1024 * 1024;
};

struct EndpointRequest {
  std::string method = "GET";
  std::string path;  // after the server's URL, encoded: "/apis/..."
  std::string content_type;
  std::string body;
};

struct ApiAnswer {
  enum class Kind {
    ok,            // 2xx
    absent,        // there is no such workflow (or no such namespace)
    no_such_api,   // a 404 of another kind: Argo Workflows is not installed there
    conflict,      // 409: another version than the one read
    unauthorized,  // 401 twice, or there are no credentials to send: the message says which
    forbidden,     // 403
    rejected,      // 400, 415, 422, a redirect, names that are not valid: trying again is no use
    too_large,     // the object for the server (413, or a 500 that says so), or the answer for us
    busy,          // 429, 5xx, an exceeded quota: may pass
    unreachable,   // no whole answer: may pass, and may have been carried out
    certificate,   // TLS does not verify: never goes on without
    interrupted
  };
  Kind kind = Kind::unreachable;
  unsigned status = 0;  // HTTP's; 0: none came
  std::string body;     // of ok
  std::string message;  // of all but ok: why, in a line for the operator; never a secret
  std::optional<std::chrono::seconds> retry_after;  // of busy: the server's wish
};

// Which kind a whole answer is. Pure; `now` for a Retry-After that is a date.
ApiAnswer read_answer(http::ClientResponse response, std::chrono::sys_seconds now);

// Not thread-safe.
class Endpoint {
 public:
  // Throws ConfigError when the URL, the proxy's or a certificate is no use.
  Endpoint(ServerSettings server, std::shared_ptr<Credentials> credentials, EndpointLimits limits = {});
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  ApiAnswer send(const EndpointRequest& request, const http::Interrupt* interrupt);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::agent
