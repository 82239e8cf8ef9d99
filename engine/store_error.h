// What a store throws when it cannot be opened: a damaged file, another server on the same file, a newer schema.
#pragma once

#include <stdexcept>
#include <string>

namespace lockkeeper::engine {

class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lockkeeper::engine
