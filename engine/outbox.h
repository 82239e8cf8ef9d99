// The answers of one step, one chain a mailbox: a batch costs one wake-up of its I/O thread.
#pragma once

#include <vector>

#include "engine/calls.h"

namespace lockkeeper::engine {

class Outbox {
 public:
  void add(Call& call) {
    if (last_ >= posts_.size() || posts_[last_].mailbox != call.mailbox) last_ = find(call.mailbox);
    posts_[last_].calls.push_back(call);
  }

  // From here on the calls belong to their owners again.
  bool deliver() noexcept {
    bool any = false;
    for (Post& post : posts_) {
      if (post.calls.empty()) continue;
      any = true;
      post.mailbox->deliver(post.calls.take());
    }
    posts_.clear();  // mailboxes may be gone by the next step
    return any;
  }

 private:
  struct Post {
    Mailbox* mailbox;
    Calls calls;
  };

  // There is one mailbox an I/O thread: few enough to look at one after the other.
  std::size_t find(Mailbox* mailbox) {
    for (std::size_t i = 0; i < posts_.size(); ++i) {
      if (posts_[i].mailbox == mailbox) return i;
    }
    posts_.push_back({mailbox, {}});
    return posts_.size() - 1;
  }

  std::vector<Post> posts_;
  std::size_t last_ = 0;
};

}  // namespace lockkeeper::engine
