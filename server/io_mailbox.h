// Brings the engine's answers to one I/O thread: however many calls a batch answers, the thread is woken once.
#pragma once

#include <atomic>
#include <functional>

#include "engine/call.h"

namespace lockkeeper::server {

// A call whose answer is wanted on the I/O thread that asked.
class IoCall : public engine::Call {
 public:
  virtual void answered() noexcept = 0;  // on that thread; may destroy the call
  virtual void orphaned() noexcept {}    // the I/O threads have ended: nobody waits any more
};

class IoMailbox final : public engine::Mailbox {
 public:
  // Runs a task on the I/O thread; callable from any thread.
  using Post = std::function<void(std::function<void()>)>;
  explicit IoMailbox(Post post) : post_(std::move(post)) {}

  // The chain must be of IoCalls.
  void deliver(engine::Call* chain) noexcept override;

  // When I/O threads and engine have ended: what was delivered and never picked up.
  void orphan() noexcept;

 private:
  void answer_all() noexcept;

  Post post_;
  std::atomic<engine::Call*> waiting_{nullptr};
};

}  // namespace lockkeeper::server
