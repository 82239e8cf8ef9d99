// Who was told that a claim is its own: a poll, and copies of it that came later. A grant may be taken back from a
// poll whose client had left, but not when a copy was told of it: whoever sent that may be at work.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

#include "locks/record.h"

namespace lockkeeper::engine {

class Told {
 public:
  // How often by now, this time included.
  unsigned tell(const std::string& lock, const std::string& claim, locks::Version token) {
    const auto [at, fresh] = times_.try_emplace(key(lock, claim, token), 0U);
    if (fresh) {
      order_.push_back(at->first);
      if (order_.size() > kMost) {
        times_.erase(order_.front());
        order_.pop_front();
      }
    }
    return ++at->second;
  }
  // It was not told after all.
  void take_back(const std::string& lock, const std::string& claim, locks::Version token) {
    const auto at = times_.find(key(lock, claim, token));
    if (at != times_.end() && at->second > 0) --at->second;
  }
  // Once, and nobody else. What is forgotten may have been told oftener.
  bool once(const std::string& lock, const std::string& claim, locks::Version token) const {
    const auto at = times_.find(key(lock, claim, token));
    return at != times_.end() && at->second == 1;
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
