#include "engine/census.h"

#include <algorithm>

#include "locks/gate.h"
#include "locks/record.h"

namespace lockkeeper::engine {

Census::Census(bool exclusive) : exclusive_(exclusive), to_(locks::gates_end) {}

Scan Census::next_slice() const {
  return {.after = to_, .prefix = {}, .limit = 256, .held_only = true};
}

bool Census::counted(const Scanned* slice) {
  if (slice == nullptr) return false;
  const bool last = !slice->more;
  const std::string end = last ? std::string() : next_after(*slice);
  // What was committed while the slice was on its way may be in it or not: that is known better.
  for (const auto& found : slice->locks) sum_ += meanwhile_.contains(found.lock) ? 0 : 1;
  for (const auto& [lock, held] : meanwhile_) {
    if (held && (last || lock <= end)) ++sum_;
  }
  if (last) {
    meanwhile_.clear();
    held_ = static_cast<std::uint64_t>(std::max<std::int64_t>(sum_, 0));
    through_ = exclusive_;
    if (!exclusive_) sum_ = 0;
    to_ = locks::gates_end;
    return false;
  }
  meanwhile_.erase(meanwhile_.begin(), meanwhile_.upper_bound(end));
  to_ = end;
  return true;
}

void Census::committed(const std::string& lock, bool was_held, bool is_held) {
  if (!exclusive_ || locks::is_gate(lock)) return;
  if (!through_ && lock > to_) {
    meanwhile_[lock] = is_held;
    return;
  }
  if (was_held == is_held) return;
  sum_ += is_held ? 1 : -1;
  if (through_) held_ = static_cast<std::uint64_t>(std::max<std::int64_t>(sum_, 0));
}

}  // namespace lockkeeper::engine
