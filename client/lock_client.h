// Locks at a server, ours or an original locker, over http/client.h. Blocking, not thread-safe.
//
// Each call is one request unless said otherwise; trying again is retry.h's matter. Contention and "not yours"
// are values. Throws http::HttpError when no whole answer came, and ServerError for an answer that is none of
// the call's own (400, 401, 403, 404, 3xx, 429, 5xx).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "http/client.h"
#include "wire/native_json.h"

namespace lockkeeper::client {

class ServerError : public std::runtime_error {
 public:
  ServerError(unsigned code, const std::string& text, std::optional<std::chrono::seconds> pause)
      : std::runtime_error(text), status(code), retry_after(pause) {}
  unsigned status;
  std::optional<std::chrono::seconds> retry_after;  // of 429 and 503; a date is turned into seconds from now
  // 429 and 5xx: may pass. Everything else never will.
  bool may_pass() const { return status == 429 || status >= 500; }
};

// One will to acquire, with all its retries (DESIGN: Intentions).
struct Intention {
  std::string claim;    // name; empty: an unnamed claim, for which retries are not safe
  std::string request;  // random, see new_request_id()
  std::optional<locks::Version> begun;
};

struct Identity {
  std::string key;
  std::string holder;
};

// What else an acquisition asks for. An original server takes no notice of any of it.
struct AcquireOptions {
  locks::Metadata metadata;
  std::optional<std::chrono::milliseconds> ttl;   // a lease
  std::optional<std::chrono::milliseconds> wait;  // queues, and keeps the answer back for so long (one poll)
};

enum class ServerKind { unknown, lockkeeper, original };

struct Settings {
  std::string uri;  // "https://host:port" with an optional path before /lock; userinfo allowed
  http::ClientSettings http;
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
};

class LockClient {
 public:
  explicit LockClient(Settings settings);  // throws http::HttpError{bad_url}
  ~LockClient();

  // Of every call from here on; null: none.
  void set_interrupt(const http::Interrupt* interrupt);
  void set_request_timeout(std::chrono::milliseconds timeout);

  std::string url() const;  // without userinfo, for people

  // Known after the first lock(), list() or acquire(): an original server has no GET /lock/{name} (404 "404 page
  // not found") and its PUT answers carry no version.
  ServerKind kind() const;

  // GET /lock/{name}. Of an original server: made of GET /locks (version 0).
  wire::LockView lock(const std::string& name);

  // PUT. DeniedView.why empty: held with another key, or others are queued before it (423); else the intention is
  // over (410). With `options.wait`, DeniedView.queued: the time is over, and the place is kept for the next poll
  // of the same intention. The request may take that much longer than the request time-out.
  std::variant<wire::GrantedView, wire::DeniedView> acquire(const std::string& name, const Identity& identity,
                                                            const Intention& intention,
                                                            const AcquireOptions& options);

  // POST .../renew: counts the ttl of a lease anew from the moment the server gets it. `token`: of the grant.
  // DeniedView: the claim has ended, or another intention has taken it over (410), or the key is not its own (423).
  std::variant<wire::RenewedView, wire::DeniedView> renew(const std::string& name, const std::string& key,
                                                          const std::string& claim, locks::Version token,
                                                          std::optional<std::chrono::milliseconds> ttl);

  // The three below at an original server: it knows no claims, so each ends all that this holder has; afterwards
  // GET /locks is looked at, and ServerError{500} thrown when it still lists the holder. `released` is what the
  // list had before, where the server was known to be an original by then, else 1.

  // DELETE without a name: the holder's oldest claim, or all. DeniedView: another key holds it (423).
  std::variant<wire::ReleasedView, wire::DeniedView> release(const std::string& name, const Identity& identity,
                                                             bool all);
  // DELETE of exactly the claim or the place of that name; closes the name. Idempotent.
  std::variant<wire::ReleasedView, wire::DeniedView> release_claim(const std::string& name,
                                                                   const Identity& identity,
                                                                   const std::string& claim);
  // DELETE of that intention alone, waiting, granted or still on its way: withdrawal. Idempotent.
  std::variant<wire::ReleasedView, wire::DeniedView> withdraw(const std::string& name, const Identity& identity,
                                                              const Intention& intention);

  // GET /locks?view=full: a slice of the held locks whose names begin with `prefix`, after the name `after`, in
  // byte order; `limit`: at least 1. Of an original server: all at once (version 0).
  wire::LockPage list(const std::string& prefix, const std::string& after, std::size_t limit);
  // POST .../force-release: ends all claims, whoever holds them; the queue's head gets the lock.
  // Of this and the two below an original server knows nothing: ServerError{404} that says so.
  wire::ReleasedView force_release(const std::string& name, const std::string& reason);
  // GET /status and /version, the JSON as it came.
  std::string status();
  std::string version();

  // GET /lock/{name}/history, oldest first, at most 100 after `after`; newest=true: the newest first.
  wire::HistoryView history(const std::string& name, locks::Version after, std::size_t limit, bool newest);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// 128 random bits in hex.
std::string new_request_id();

}  // namespace lockkeeper::client
