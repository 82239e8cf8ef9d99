// Who was told that a claim is its own: a poll, and copies of it that came later. A grant may be taken back from a
// poll whose client had left, but not when a copy was told of it: whoever sent that may be at work.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "locks/record.h"

namespace lockkeeper::engine {

class Told {
 public:
  // How many by now, this one included. `first`: the grant was made to this call; who only repeats a grant that was
  // not told here first is not counted.
  unsigned tell(const std::string& lock, const std::string& claim, locks::Version token, bool first) {
    std::string name = key(lock, claim, token);
    const auto known = times_.find(name);
    if (known != times_.end()) return ++known->second;
    if (!first) return 0;
    order_.push_back(name);
    times_.emplace(std::move(name), 1U);
    if (order_.size() > kMost) {
      times_.erase(order_.front());
      order_.pop_front();
    }
    return 1;
  }
  // One of them was not told after all, or had left.
  void take_back(const std::string& lock, const std::string& claim, locks::Version token) {
    const auto at = times_.find(key(lock, claim, token));
    if (at != times_.end() && at->second > 0) --at->second;
  }
  enum class Heard { nobody, somebody, not_known };
  Heard heard(const std::string& lock, const std::string& claim, locks::Version token) const {
    const auto at = times_.find(key(lock, claim, token));
    if (at == times_.end()) return Heard::not_known;
    return at->second == 0 ? Heard::nobody : Heard::somebody;
  }

 private:
  static constexpr std::size_t kMost = 65'536;  // far more than grants whose client is not known to be there yet

  static std::string key(const std::string& lock, const std::string& claim, locks::Version token) {
    std::string key = std::to_string(token);
    key += '\0';
    key += claim;
    key += '\0';
    key += lock;
    return key;
  }

  std::unordered_map<std::string, unsigned> times_;
  std::deque<std::string> order_;
};

}  // namespace lockkeeper::engine
