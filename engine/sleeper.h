// A thread that waits for work (the engine's, a store's): whoever brings it something pays for a wake-up only when
// it sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace lockkeeper::engine {

class Sleeper {
 public:
  // `nothing_to_do` is asked once more after wake() can see that the thread sleeps: what came before that is
  // found by asking, what comes after it wakes.
  //
  // `linger`: looks around for about as long as a commit takes before it sleeps. To wake a thread, and an idle core
  // with it, costs tens of microseconds at each of the hops that a lone connection's next request makes; with many
  // requests under way there is no time to sleep, and lingering would only take the core from those who work.
  template <class NothingToDo>
  void sleep(std::chrono::nanoseconds at_most, bool linger, NothingToDo nothing_to_do) {
    if (linger) {
      const auto end = std::chrono::steady_clock::now() + lingering;
      do {
        if (!nothing_to_do()) return;
        std::this_thread::yield();  // whoever has something to do goes first
      } while (std::chrono::steady_clock::now() < end);
    }
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

  // With at most so many requests under way a thread lingers.
  static constexpr std::size_t few = 2;

 private:
  static constexpr std::chrono::microseconds lingering{200};  // measured: docs/performance.md

  std::mutex mutex_;
  std::condition_variable awake_;
  std::atomic<bool> asleep_ = false;
};

}  // namespace lockkeeper::engine
