// The requests of one I/O thread that wait, so that they can be sent home when the server stops. On that thread
// only.
#pragma once

#include <unordered_set>

namespace lockkeeper::server {

class OpenPoll {
 public:
  // Ends it now; a place in a queue is kept. Its answer still comes.
  virtual void leave() noexcept = 0;

 protected:
  ~OpenPoll() = default;
};

class OpenPolls {
 public:
  void add(OpenPoll& poll) { polls_.insert(&poll); }
  void remove(OpenPoll& poll) { polls_.erase(&poll); }

  // Those that wait are answered 503 soon, and who comes later does not wait. Their places are kept.
  void close();
  bool closed() const { return closed_; }

 private:
  std::unordered_set<OpenPoll*> polls_;
  bool closed_ = false;
};

}  // namespace lockkeeper::server
