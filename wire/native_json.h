// The native JSON: what the server writes and the client reads. Every text ends in a newline, as the
// original's did; <, >, &, U+2028 and U+2029 are escaped as \u003c ... (compat: locker, fact 6).
//
//   Hold     {"holder","count","since","metadata":{..}}
//   Claim    {"claim"?,"holder","count","token","since","metadata":{..},"by"?,"ttl"?,"max_hold"?,"offered"?}
//            no "claim": unnamed; "offered": the grace of an offer that is not taken up yet
//   Waiter   {"claim"?,"holder","since","place","metadata":{..},"by"?,"ttl"?}      first in the queue first
//   Lock     {"lock","state":"held"|"free","version","count","since"?,"mean_hold"?,"holders":[Hold],
//             "claims":[Claim],"queue":[Waiter]}
//   Event    {"version","at","what","holder","claim"?,"token"?,"count","by"?,"door","reason"?,"change"}
//   Locks    {"locks":[Lock],"more"}
//   History  {"lock","version","oldest","more","events":[Event]}
//   Granted  {"response","lock","version","token","since","count","claim"?,"request"?,"again","taken_over",
//             "ttl"?,"max_hold"?,"others":[Hold]}
//   Released {"response","lock","version","released","withdrawn","ended"?,"holders":[Hold]}
//            "ended": "released", "lapsed" or "forced"
//   Renewed  {"response","lock","version","token","ttl"?,"max_hold"?}
//   Denied   {"error","lock","version","why"?,"ended"?,"holders":[Hold]}      423, 410, 409
//   Queued   Denied's members (423) and {"claim"?,"request"?,"position","waiters","since","estimate"?,
//             "ahead":[{"holder","since"}]}
//   Error    {"error"}
// Durations are texts that locks/duration.h reads, exact to the millisecond: "30s", "1h30m", "1s500ms".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "locks/change.h"
#include "locks/outcome.h"
#include "locks/record.h"

namespace lockkeeper::wire {

// ---- written by the server; each appends to `out`

// A JSON string with its quotes and the original's escapes.
void write_text(std::string_view text, std::string& out);

void write_error(std::string_view error, std::string& out);
void write_response(std::string_view response, std::string& out);  // {"response": ...}: the original's answer
// `request`: shown when the server gave it; else empty
void write_granted(std::string_view response, std::string_view lock, std::string_view claim,
                   std::string_view request, const locks::Granted& granted, std::string& out);
void write_renewed(std::string_view response, std::string_view lock, const locks::Renewed& renewed,
                   std::string& out);
void write_released(std::string_view response, std::string_view lock, const locks::Released& released,
                    std::string& out);
// `why`: "closed", "superseded", "forgotten", "ended" or empty
void write_denied(std::string_view error, std::string_view lock, locks::Version version, std::string_view why,
                  std::optional<locks::End> ended, const std::vector<locks::Hold>& holds, std::string& out);
void write_queued(std::string_view error, std::string_view lock, std::string_view claim, std::string_view request,
                  const locks::Queued& queued, std::string& out);
void write_lock(std::string_view lock, const locks::Record& record, std::string& out);
// without the newline, for lists
void write_lock_member(std::string_view lock, const locks::Record& record, std::string& out);
// `"name":{"locked_by":{"a":1},"key":"k"}`: one member of GET /locks in its old shape
void write_old_lock_member(std::string_view lock, const locks::Record& record, std::string& out);
void write_history(std::string_view lock, locks::Version version, locks::Version oldest, bool more,
                   const std::vector<locks::Event>& events, std::string& out);

// ---- read by the client; each throws WireError (record_json.h) on a wrong shape, ignores unknown members

struct HoldView {
  std::string holder;
  std::uint64_t count = 0;
  locks::WallTime since;
  locks::Metadata metadata;
};

struct ClaimView {
  std::string claim;  // empty: unnamed
  std::string holder;
  std::uint64_t count = 1;
  locks::Version token = 0;
  locks::WallTime since;
  locks::Metadata metadata;
  std::string by;  // who authenticated; empty: nobody had to
  std::optional<std::chrono::milliseconds> ttl, max_hold, offered;
};

struct WaiterView {
  std::string claim;  // empty: the place of a refused plain request
  std::string holder;
  locks::WallTime since;
  locks::Version place = 0;
  locks::Metadata metadata;
  std::string by;  // as ClaimView's
  std::optional<std::chrono::milliseconds> ttl;
};

struct LockView {
  std::string lock;
  bool held = false;
  locks::Version version = 0;
  std::uint64_t count = 0;
  std::optional<std::chrono::milliseconds> mean_hold;
  std::vector<HoldView> holders;  // oldest first
  std::vector<ClaimView> claims;  // oldest first
  std::vector<WaiterView> queue;  // first first
};

struct GrantedView {
  bool native = false;  // it has a version: not an original server's answer
  locks::Version version = 0;
  locks::Version token = 0;
  locks::WallTime since;
  std::uint64_t count = 0;
  bool again = false;
  bool taken_over = false;
  std::string claim, request;  // those of the request, or what the server gave it
  std::optional<std::chrono::milliseconds> ttl, max_hold;
  std::vector<HoldView> others;
};

struct ReleasedView {
  bool native = false;  // as GrantedView's; a lock that nothing ever happened to is at version 0
  locks::Version version = 0;
  std::uint64_t released = 0;
  bool withdrawn = false;
  std::string ended;  // "lapsed", "forced", "released": how the claim of that name had ended before; empty: unknown
  std::vector<HoldView> holders;
};

struct RenewedView {
  locks::Version version = 0;
  locks::Version token = 0;
  std::optional<std::chrono::milliseconds> ttl, max_hold;
};

// A place in the queue.
struct QueuedView {
  std::string claim, request;  // those of the request, or what the server gave it
  std::uint64_t position = 0;  // 1: the next
  std::uint64_t waiters = 0;
  locks::WallTime since;
  std::optional<std::chrono::milliseconds> estimate;
  std::vector<HoldView> ahead;  // holder and since only; the nearest to the lock first, 10 at most
};

struct DeniedView {
  std::string error;
  bool native = false;  // as GrantedView's
  locks::Version version = 0;
  std::string why;
  std::string ended;  // as ReleasedView's
  std::vector<HoldView> holders;
  std::optional<QueuedView> queued;  // the refusal of one that waits
};

struct HistoryView {
  locks::Version version = 0;
  locks::Version oldest = 0;
  bool more = false;
  std::vector<locks::Event> events;
};

// A slice of GET /locks?view=full.
struct LockPage {
  std::vector<LockView> locks;
  std::string next;  // the last one's name, to go on after; empty: that was all
};

// GET /locks in its old shape; the only reading of an original server's state.
struct OldLockView {
  std::string lock;
  std::string key;
  std::vector<std::pair<std::string, std::int64_t>> locked_by;
};

LockView read_lock(std::string_view json);
GrantedView read_granted(std::string_view json);  // version and token 0: an original server's answer
ReleasedView read_released(std::string_view json);
DeniedView read_denied(std::string_view json);
RenewedView read_renewed(std::string_view json);
HistoryView read_history(std::string_view json);
LockPage read_lock_page(std::string_view json);
std::vector<OldLockView> read_old_locks(std::string_view json);
std::string read_error(std::string_view text) noexcept;  // the "error" member; else the text, cut and cleaned

// ---- written by the client

struct AcquireBody {
  std::string key, holder, claim, request;
  locks::Version begun = 0;
  bool has_begun = false;
  locks::Metadata metadata;
  std::optional<std::chrono::milliseconds> ttl, wait;
};
struct RenewBody {
  std::string key, claim;
  locks::Version token = 0;  // 0: none
  std::optional<std::chrono::milliseconds> ttl;
};
struct ReleaseBody {
  std::string key, holder, claim, request;
  locks::Version begun = 0;
  bool has_begun = false;
  bool all = false;
};

// The holder goes as `requestor`, which an original server understands too. `metadata` and `all` always go along:
// a field of ours is what makes our server answer in our shape, with the version.
std::string write_body(const AcquireBody& body);
std::string write_body(const ReleaseBody& body);
std::string write_body(const RenewBody& body);
std::string write_force_body(std::string_view reason);  // of a release by force

}  // namespace lockkeeper::wire
