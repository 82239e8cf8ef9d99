// The configuration cannot be used: a sentence for the operator that names file and field, and shows no secret.
#pragma once

#include <stdexcept>

namespace lockkeeper::agent {

class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lockkeeper::agent
