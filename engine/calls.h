// Calls in the order they came, linked by their own `next`.
#pragma once

#include <cstddef>
#include <utility>

#include "engine/call.h"

namespace lockkeeper::engine {

class Calls {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  Call* front() const { return first_; }

  void push_back(Call& call) {
    call.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &call;
    last_ = &call;
    ++size_;
  }

  Call& pop_front() {
    Call& call = *first_;
    first_ = std::exchange(call.next, nullptr);
    --size_;
    return call;
  }

  // Puts `earlier` before what is here.
  void prepend(Calls&& earlier) {
    if (earlier.empty()) return;
    earlier.last_->next = first_;
    if (first_ == nullptr) last_ = earlier.last_;
    first_ = earlier.first_;
    size_ += earlier.size_;
    earlier = Calls();
  }

  Call* take() {
    size_ = 0;
    return std::exchange(first_, nullptr);
  }

 private:
  Call* first_ = nullptr;
  Call* last_ = nullptr;  // means nothing while empty
  std::size_t size_ = 0;
};

}  // namespace lockkeeper::engine
