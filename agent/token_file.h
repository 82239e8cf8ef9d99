// A bearer token in a file that is replaced while the agent runs, as Kubernetes does with those of service
// accounts.
#pragma once

#include <chrono>
#include <string>

#include "agent/surroundings.h"

namespace lockkeeper::agent {

// The token in what was read; throws ConfigError when it is empty or no header could carry it. `where` for the
// text.
std::string trimmed_token(const std::string& text, const std::string& where);

// Not thread-safe.
class TokenFile {
 public:
  // Reads it. `otherwise`: until it can be read; without one that throws ConfigError.
  TokenFile(std::string path, std::string otherwise, const Surroundings& surroundings);

  // Read again once a minute; when that fails, the last one that was good.
  const std::string& token();
  void expire() { due_ = {}; }  // the next token() reads

 private:
  void read();

  std::string path_;
  std::string token_;
  const Surroundings& surroundings_;
  std::chrono::steady_clock::time_point due_;
  bool failing_ = false;
};

}  // namespace lockkeeper::agent
