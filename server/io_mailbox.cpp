#include "server/io_mailbox.h"

namespace lockkeeper::server {

void IoMailbox::deliver(engine::Call* chain) noexcept {
  if (chain == nullptr) return;
  engine::Call* last = chain;
  while (last->next != nullptr) last = last->next;
  engine::Call* before = waiting_.load(std::memory_order_relaxed);
  do {
    last->next = before;
  } while (!waiting_.compare_exchange_weak(before, chain, std::memory_order_release, std::memory_order_relaxed));
  // Otherwise an earlier batch has already asked for the thread, and it will find this one too.
  if (before == nullptr) post_([this] { answer_all(); });
}

void IoMailbox::answer_all() noexcept {
  engine::Call* call = waiting_.exchange(nullptr, std::memory_order_acquire);
  while (call != nullptr) {
    engine::Call* const next = call->next;
    static_cast<IoCall*>(call)->answered();
    call = next;
  }
}

void IoMailbox::orphan() noexcept {
  engine::Call* call = waiting_.exchange(nullptr, std::memory_order_acquire);
  while (call != nullptr) {
    engine::Call* const next = call->next;
    static_cast<IoCall*>(call)->orphaned();
    call = next;
  }
}

}  // namespace lockkeeper::server
