// What the native dialect says to an outcome: pure. The texts, slips included, are the original's (compat: locker,
// fact 7); a request that sent a field of ours gets our shape around the same text.
#pragma once

#include <string>
#include <variant>

#include "engine/call.h"
#include "engine/engine.h"
#include "http/listener.h"
#include "locks/outcome.h"
#include "wire/lock_body.h"

namespace lockkeeper::server {

// What of the request its reply speaks of.
struct LockSpeech {
  enum class Act : std::uint8_t { acquire, release, renew, inspect, force_release, history };
  Act act = Act::inspect;
  bool native = false;
  std::string key, holder, claim;
  std::string request;  // only one that the server gave
  bool waits = false;
  bool nameless = false;  // the server gave all names: a client that leaves before it is told them can't come back
};

// What the process counts: GET /status.
http::Response status_reply(const engine::Counters& counters);

http::Response reply_about_lock(const std::string& lock, const LockSpeech& speech,
                                const decltype(engine::Call::answer)& answer);

// A body that cannot be used, or has no key (a fault without any text). The original labels its own text
// text/plain when it could not decode the body (compat: locker, fact 8).
http::Response body_fault_reply(const wire::BodyFault& fault, bool acquiring);

}  // namespace lockkeeper::server
