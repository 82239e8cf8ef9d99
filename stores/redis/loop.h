// The one thread on which connections live: their handlers, their timers, and what other threads hand over.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace lockkeeper::stores::redis {

class Loop {
 public:
  Loop();
  ~Loop();  // stop()s; what was handed over and not begun is dropped
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  // Instead of start(), as often as wanted: the calling thread is the loop's until `done`, which it asks after each
  // piece of work. There has to be some.
  void run_until(const std::function<bool()>& done);
  void stop();                                 // any thread but its own; returns when its thread has ended
  void hand_over(std::function<void()> work);  // any thread; done soon, on the loop's
  // Its own thread. Whether it looks around for a while before it sleeps, as engine/sleeper.h has it: for about a
  // commit's time after whatever came last.
  void linger(bool on);

  struct Inside;
  Inside& inside() { return *inside_; }

 private:
  std::unique_ptr<Inside> inside_;
};

// The loop's thread only. Does nothing after it was stopped or has gone.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();

  void start(std::chrono::nanoseconds after, std::function<void()> then);  // instead of what it was started for
  void stop();

 private:
  struct Inside;
  std::shared_ptr<Inside> inside_;
};

}  // namespace lockkeeper::stores::redis
