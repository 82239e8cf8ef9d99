// Who the agent says it is at a server: token, client certificate, Basic, impersonation, read from files that
// rotate or from an exec plugin. Thread-safe: endpoints of several threads share one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/config_error.h"
#include "agent/no_credentials.h"
#include "agent/surroundings.h"
#include "agent/user_settings.h"
#include "http/client.h"

namespace lockkeeper::agent {

// What one request takes along. Secrets: never shown.
struct Presented {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string certificate, key;          // PEM, both or none
  std::uint64_t certificate_number = 0;  // another one: connections made with the former are no use
  std::uint64_t number = 0;              // for refused()
};

class Credentials {
 public:
  // Reads all files once. Throws ConfigError when one is missing or no use, or the settings contradict themselves.
  Credentials(UserSettings user, Surroundings surroundings);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // May run a plugin, up to 30 s. Throws NoCredentials, or HttpError{interrupted}. `interrupt` may be null.
  Presented present(const http::Interrupt* interrupt);

  // The server answered 401 to `presented`. True: what can be read anew will be, so asking again is worth it.
  bool refused(const Presented& presented);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper::agent
