#pragma once

#include <stdexcept>

namespace lockkeeper::agent {

// There is nothing to present now; it may come. A sentence for the operator.
class NoCredentials : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lockkeeper::agent
