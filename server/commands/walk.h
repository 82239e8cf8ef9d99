// All records of a store, in the order of their names.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/store.h"
#include "server/commands/asker.h"

namespace lockkeeper::server {

class Walk {
 public:
  explicit Walk(Asker& store, std::size_t slice = 64) : store_(store), slice_size_(slice) {}

  // The next ones; none: that was all.
  std::vector<engine::NamedRecord> slice();
  // Or one by one.
  std::optional<engine::NamedRecord> next();

 private:
  Asker& store_;
  const std::size_t slice_size_;
  std::string after_;
  bool more_ = true;
  std::vector<engine::NamedRecord> read_;  // and not given yet, the next one last
};

}  // namespace lockkeeper::server
