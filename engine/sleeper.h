// A thread that waits for work (the engine's, a store's): whoever brings it something pays for a wake-up only when
// it sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace lockkeeper::engine {

class Sleeper {
 public:
  // `nothing_to_do` is asked once more after wake() can see that the thread sleeps: what came before that is
  // found by asking, what comes after it wakes.
  template <class NothingToDo>
  void sleep(std::chrono::nanoseconds at_most, NothingToDo nothing_to_do) {
    std::unique_lock lock(mutex_);
    asleep_.store(true, std::memory_order_seq_cst);
    if (nothing_to_do()) {
      awake_.wait_for(lock, at_most, [&] { return !asleep_.load(std::memory_order_relaxed); });
    }
    asleep_.store(false, std::memory_order_relaxed);
  }

  void wake() noexcept {
    if (!asleep_.load(std::memory_order_seq_cst)) return;
    {
      const std::lock_guard lock(mutex_);
      asleep_.store(false, std::memory_order_relaxed);
    }
    awake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable awake_;
  std::atomic<bool> asleep_ = false;
};

}  // namespace lockkeeper::engine
