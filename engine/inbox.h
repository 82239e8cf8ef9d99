// What other threads hand to the engine's thread: a stack linked by `next`, pushed without a lock and taken
// whole. Nothing is ever popped singly, so no node can come back under a pusher's feet (no ABA).
#pragma once

#include <atomic>

namespace lockkeeper::engine {

template <class Node>
class Inbox {
 public:
  // Any thread. `chain` is linked by `next`, oldest first. False: closed, nothing was taken.
  bool push(Node* chain) noexcept {
    if (chain == nullptr) return true;
    Node* newest = nullptr;  // the stack has the newest on top
    Node* const oldest = chain;
    while (chain != nullptr) {
      // The analyzer does not see what News{...} says of `next`.
      Node* const following = chain->next;  // NOLINT(clang-analyzer-core.uninitialized.Assign)
      chain->next = newest;
      newest = chain;
      chain = following;
    }
    Node* top = top_.load(std::memory_order_relaxed);
    do {
      if (top == &closed_) return false;
      oldest->next = top;
    } while (!top_.compare_exchange_weak(top, newest, std::memory_order_seq_cst, std::memory_order_relaxed));
    return true;
  }

  // The engine's thread: everything pushed so far, oldest first.
  Node* take() noexcept {
    return top_.load(std::memory_order_relaxed) == nullptr ? nullptr : oldest_first(nullptr);
  }

  // Takes what is left; every push() after it is refused.
  Node* close() noexcept { return oldest_first(&closed_); }

  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

 private:
  Node* oldest_first(Node* instead) noexcept {
    Node* chain = top_.exchange(instead, std::memory_order_acq_rel);
    if (chain == &closed_) return nullptr;
    Node* oldest = nullptr;
    while (chain != nullptr) {
      Node* const following = chain->next;
      chain->next = oldest;
      oldest = chain;
      chain = following;
    }
    return oldest;
  }

  Node closed_;  // its address stands for "closed"
  std::atomic<Node*> top_ = nullptr;
};

}  // namespace lockkeeper::engine
