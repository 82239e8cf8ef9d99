// The native JSON: what the server writes and the client reads. Every text ends in a newline, as the
// original's did; <, >, &, U+2028 and U+2029 are escaped as \u003c ... (compat: locker, fact 6).
//
//   Hold     {"holder","count","since","metadata":{..}}
//   Claim    {"claim","holder","count","token","since","metadata":{..},"by"}   no "claim": unnamed; "by" if known
//   Lock     {"lock","state":"held"|"free","version","count","since"?,"holders":[Hold],"claims":[Claim],"queue":[]}
//   Event    {"version","at","what","holder","claim"?,"token"?,"count","by"?,"door","reason"?,"change"}
//   History  {"lock","version","oldest","more","events":[Event]}
//   Granted  {"response","lock","version","token","since","count","claim"?,"again","taken_over","others":[Hold]}
//   Released {"response","lock","version","released","withdrawn","holders":[Hold]}
//   Denied   {"error","lock","version","why"?,"holders":[Hold]}      423, 410, 409
//   Error    {"error"}
#pragma once

#include <cstdint>
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
void write_granted(std::string_view response, std::string_view lock, std::string_view claim,
                   const locks::Granted& granted, std::string& out);
void write_released(std::string_view response, std::string_view lock, const locks::Released& released,
                    std::string& out);
// `why`: "closed", "superseded", "forgotten" or empty
void write_denied(std::string_view error, std::string_view lock, locks::Version version, std::string_view why,
                  const std::vector<locks::Hold>& holds, std::string& out);
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
};

struct LockView {
  std::string lock;
  bool held = false;
  locks::Version version = 0;
  std::uint64_t count = 0;
  std::vector<HoldView> holders;  // oldest first
  std::vector<ClaimView> claims;  // oldest first
};

struct GrantedView {
  bool native = false;  // it has a version: not an original server's answer
  locks::Version version = 0;
  locks::Version token = 0;
  locks::WallTime since;
  std::uint64_t count = 0;
  bool again = false;
  bool taken_over = false;
  std::vector<HoldView> others;
};

struct ReleasedView {
  bool native = false;  // as GrantedView's; a lock that nothing ever happened to is at version 0
  locks::Version version = 0;
  std::uint64_t released = 0;
  bool withdrawn = false;
  std::vector<HoldView> holders;
};

struct DeniedView {
  std::string error;
  bool native = false;  // as GrantedView's
  locks::Version version = 0;
  std::string why;
  std::vector<HoldView> holders;
};

struct HistoryView {
  locks::Version version = 0;
  locks::Version oldest = 0;
  bool more = false;
  std::vector<locks::Event> events;
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
HistoryView read_history(std::string_view json);
std::vector<OldLockView> read_old_locks(std::string_view json);
std::string read_error(std::string_view text) noexcept;  // the "error" member; else the text, cut and cleaned

// ---- written by the client

struct AcquireBody {
  std::string key, holder, claim, request;
  locks::Version begun = 0;
  bool has_begun = false;
  locks::Metadata metadata;
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

}  // namespace lockkeeper::wire
