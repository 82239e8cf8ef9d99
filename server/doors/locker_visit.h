// One request at the native door, with what its reply speaks of.
#pragma once

#include "server/doors/lock_visit.h"
#include "server/doors/locker_reply.h"

namespace lockkeeper::server {

class LockerVisit final : public LockVisit {
 public:
  using LockVisit::LockVisit;
  LockSpeech speech;

 protected:
  http::Response speak() override { return reply_about_lock(lock, speech, answer); }
};

}  // namespace lockkeeper::server
