// The requests of one I/O thread that wait for a lock, so that they can be sent home when the server stops. On that
// thread only.
#pragma once

#include <unordered_set>

namespace lockkeeper::server {

class LockVisit;

class OpenPolls {
 public:
  void add(LockVisit& visit) { visits_.insert(&visit); }
  void remove(LockVisit& visit) { visits_.erase(&visit); }

  // Those that wait are answered 503 soon, and who comes later does not wait. Their places are kept.
  void close();
  bool closed() const { return closed_; }

 private:
  std::unordered_set<LockVisit*> visits_;
  bool closed_ = false;
};

}  // namespace lockkeeper::server
