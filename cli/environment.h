// The environment as command line tools take it: a value that tests can make.
#pragma once

#include <map>
#include <string>

namespace lockkeeper::cli {

using Environment = std::map<std::string, std::string>;

inline Environment environment_of(char** entries) {
  Environment environment;
  for (; *entries != nullptr; ++entries) {
    const std::string text = *entries;
    const auto equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

// "" where it is not set.
inline std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

}  // namespace lockkeeper::cli
