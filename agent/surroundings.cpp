#include "agent/surroundings.h"

#include <cstdlib>

namespace lockkeeper::agent {

Surroundings real_surroundings(std::function<void(const std::string& line)> log) {
  Surroundings real;
  real.environment = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  real.now = [] { return std::chrono::steady_clock::now(); };
  real.wall_clock = [] { return std::chrono::system_clock::now(); };
  real.log = std::move(log);
  return real;
}

}  // namespace lockkeeper::agent
