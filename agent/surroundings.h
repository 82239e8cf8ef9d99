// What of the process's world the agent's credentials look at; a test owns each part.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace lockkeeper::agent {

struct Surroundings {
  std::function<std::string(const char* name)> environment;  // empty: not set
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<std::chrono::system_clock::time_point()> wall_clock;  // against what plugins say of expiry
  std::function<void(const std::string& line)> log;  // for the operator; may be called from any thread
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// The process's own.
Surroundings real_surroundings(std::function<void(const std::string& line)> log);

}  // namespace lockkeeper::agent
