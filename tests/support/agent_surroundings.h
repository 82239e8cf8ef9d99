// Environment, clocks and log of an agent under test, owned by the test.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/surroundings.h"

namespace lockkeeper::testing {

class AgentSurroundings {
 public:
  std::map<std::string, std::string> environment;
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  std::chrono::system_clock::time_point wall_clock{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};
  std::string service_account = "/nowhere/serviceaccount";

  agent::Surroundings surroundings() {
    agent::Surroundings result;
    result.environment = [this](const char* name) {
      const auto known = environment.find(name);
      return known == environment.end() ? std::string() : known->second;
    };
    result.now = [this] { return now; };
    result.wall_clock = [this] { return wall_clock; };
    result.log = [this](const std::string& line) {
      const std::scoped_lock lock(mutex_);
      lines_.push_back(line);
    };
    result.service_account = service_account;
    return result;
  }

  std::vector<std::string> log() const {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline std::string write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

// As Kubernetes replaces what it mounts: another file takes the place of the former in one step.
inline void replace_file(const std::string& path, const std::string& text) {
  write_file(path + ".new", text);
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) throw std::runtime_error("cannot replace " + path);
}

inline std::string write_script(const std::string& path, const std::string& text) {
  // Written by a descriptor of its own that no child started meanwhile can have inherited: such a file is "busy".
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  const std::string whole = "#!/bin/sh\n" + text;
  if (file < 0 || write(file, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()) ||
      close(file) != 0) {
    throw std::runtime_error("cannot write " + path);
  }
  return path;
}

}  // namespace lockkeeper::testing
