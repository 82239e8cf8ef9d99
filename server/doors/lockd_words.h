// lockd's words and the lock's: what lockd's clients ask for as commands, and outcomes as its verdicts. Pure, and
// the same for its HTTP and its gRPC.
//
// Nobody shares at lockd: each lock is taken with a key of its own, "lockd:" client id ":" what is the request's
// alone. So who unlocks need show no more than the key's beginning: its client's, or any of lockd's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "locks/command.h"
#include "locks/outcome.h"

namespace lockkeeper::server {

// The original's clients send the name only.
struct LockdRequest {
  std::string name;
  std::string client_id;                          // who asks; empty: nobody in particular
  std::string request_id;                         // one will to lock, with all its retries
  std::optional<std::chrono::milliseconds> wait;  // for a lock that is held
  std::optional<std::chrono::milliseconds> ttl;
  bool overrides = false;  // unlock whichever client of lockd's holds it
};

enum class LockdAct : std::uint8_t { lock, unlock, is_locked, renew };

// What is wrong with the fields that are not the original's, for people. The name, and what decides about any lock,
// is for locks::fault() to check on the command.
std::optional<std::string> lockd_fault(LockdAct act, const LockdRequest& request);

// Whether the lock will be a claim with a name, which can be asked for again, waited for, leased and renewed.
bool lockd_named(const LockdRequest& request);

// `fresh` is a name that nobody has; it becomes the id of a request that needs one and has none.
locks::Command lockd_lock(LockdRequest& request, std::string fresh, locks::Caller caller);
// With a request's id exactly what that request holds or waits for, else whatever its client holds.
locks::Command lockd_unlock(const LockdRequest& request, locks::Caller caller);
locks::Command lockd_is_locked(const LockdRequest& request, locks::Caller caller);
locks::Command lockd_renew(const LockdRequest& request, locks::Caller caller);

enum class Verdict : std::uint8_t {
  done,         // locked now, unlocked now, is locked, renewed
  conflict,     // somebody else has it
  not_found,    // is not locked, or not by that request
  too_many,     // a limit: `text` says which
  unavailable,  // no answer can be given now: the outcome is a locks::Unavailable
};

struct LockdAnswer {
  Verdict verdict = Verdict::unavailable;
  std::string text;                       // too_many
  locks::Version token = 0;               // of what was locked or renewed; else 0
  std::optional<locks::Hold> holder;      // conflict: the oldest of those who hold it
  std::size_t position = 0, waiters = 0;  // conflict, when it waits: in the queue, from 1
};

LockdAnswer lockd_answer(LockdAct act, const locks::Outcome& outcome);

}  // namespace lockkeeper::server
