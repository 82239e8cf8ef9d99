#include "server/commands/walk.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::server {

std::vector<engine::NamedRecord> Walk::slice() {
  if (!more_) return {};
  auto scanned = store_.ask<engine::Scanned>(engine::Scan{.after = after_, .prefix = "", .limit = slice_size_});
  more_ = scanned.more;
  if (more_) after_ = engine::next_after(scanned);
  return std::move(scanned.locks);
}

std::optional<engine::NamedRecord> Walk::next() {
  while (read_.empty() && more_) {
    read_ = slice();
    std::reverse(read_.begin(), read_.end());
  }
  if (read_.empty()) return std::nullopt;
  auto one = std::move(read_.back());
  read_.pop_back();
  return one;
}

}  // namespace lockkeeper::server
