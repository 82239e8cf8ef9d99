// What callers ask of one lock. Doors make these; nothing in here has been checked against the limits yet
// (locks/limits.h), decide() checks what depends on the record only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "locks/record.h"

namespace lockkeeper::locks {

struct Acquire {
  std::string key;               // not empty
  std::string holder;            // not empty
  std::string claim;             // name; empty: unnamed
  std::string request;           // with a name: the intention; all its retries carry the same one
  std::optional<Version> begun;  // with a name: version read when the intention began; none: the current one
  Metadata metadata;
  std::optional<milliseconds> ttl;   // a lease
  std::optional<milliseconds> wait;  // set, only with a name: queues. The rules look only whether it is there; the
                                     // engine keeps the answer back for so long (a poll)
  // Refused, it keeps no place where the server keeps one for plain requests (place_for_refused in terms.h): its
  // key does not come again.
  bool placeless = false;
  // The claim's name is this request's alone: once it is closed, any other try is a late copy, whenever it began.
  bool once = false;
};

// Without `claim`: the holder's oldest claim, or with `all` every one of the holder.
// With `claim`: exactly that claim or nothing; the name is closed for what began before.
// With `claim` and `request`: withdrawal. Ends the claim only if that request holds it, and closes the name
// for what began no later than `begun` (none: the claim's own, or else the current version).
struct Release {
  std::string key;     // not empty
  std::string holder;  // not empty
  std::string claim;
  std::string request;
  std::optional<Version> begun;
  bool all = false;
  // `key` is only what the lock's key begins with, for doors at which who unlocks knows no more. Without `claim`:
  // whoever the holder is; ends every claim, but no offer. Not with `all`.
  bool key_begins = false;
};

struct Inspect {};

// Ends all claims and offers, whoever holds them; the queue stays, and its head is granted.
struct ForceRelease {
  std::string reason;
};

// Counts a lease's ttl anew. Never shortens: the longer of the lease's ttl and `ttl` holds from here on, a claim
// without a ttl stays without one; the answer says which. max_hold is not extended.
struct Renew {
  std::string key;               // not empty
  std::string claim;             // name; empty: the unnamed claim of that token
  std::optional<Version> token;  // with a name: refused if the claim has another one by now
  std::optional<milliseconds> ttl;
  bool key_begins = false;  // as Release's
};

// ---- of a gate; the command's `lock` is its record's name (gate.h)

// Creating what is there changes nothing; nor does creating what was there and is deleted, as long as that is
// remembered: the answer has no gate then.
struct CreateGate {
  std::string workflow;            // not empty
  std::string workflow_namespace;  // not empty
};

// Releasing one that is released changes nothing.
struct ReleaseGate {};

// Also of one that is still locked; history says so.
struct DeleteGate {};

struct NoteGate {
  std::string note;  // empty: takes it away
};

struct InspectGate {};

struct OfGate {
  std::variant<CreateGate, ReleaseGate, DeleteGate, NoteGate, InspectGate> what;
};

// ---- said by the engine itself

// Ends a claim or a place if it is still as it was when its time began: `mark` is its `renewed`, or, for max_hold,
// its `granted`. Otherwise nothing.
struct Lapse {
  RowKind kind = RowKind::claim;  // or waiter
  std::string id;                 // RowId's
  Version mark = 0;
  bool max_hold = false;
};

// A poll was granted the lock when its client had left: the claim is an offer again, for the grace, if it is still
// that of `token`; over a shared store, if it was not renewed either.
struct GiveBack {
  std::string claim;
  std::string request;
  Version token = 0;
};

// Over a store shared with other servers: a poll is open here, the place counts anew everywhere.
struct KeepPlace {
  std::string id;  // RowId's
};

// Who asks, for history. Set by the server, never by the client.
struct Caller {
  std::string by;    // authenticated name; empty: nobody had to
  std::string door;  // "server": what the engine says itself
};

struct Command {
  std::string lock;
  Caller caller;
  std::variant<Acquire, Release, Inspect, ForceRelease, Renew, Lapse, GiveBack, KeepPlace, OfGate> what;
};

}  // namespace lockkeeper::locks
