// lockd's HTTP, all its generations (compat: lockd.jsonl, lockd-old.jsonl): an old client gets the original's bytes
// as long as it sends nothing of ours.
//
//   GET    /lock/{name}           whether it is locked, whoever holds it through whatever door
//   POST   /lock/{name}           lock; with Lock-Wait a long poll
//   DELETE /lock/{name}           unlock
//   POST   /lock/{name}/renew     a lock with Lock-Ttl
//   POST   /lock, /unlock         the older API, with the name in the body
//   POST   /api/lock, /api/unlock
//   GET    /api/lock?name=
//   GET    /locks                 ?prefix=&limit=&after=&state=held
//   GET    /health, /metrics
//
// Ours are the headers Lock-Client-Id, Lock-Request-Id, Lock-Wait, Lock-Ttl and Lock-Override, and in the bodies of
// the older API the fields of the same names (wire/lockd_body.h).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/doors/door.h"
#include "server/routes.h"

namespace lockkeeper::server {

class LockdDoor final : public Door {
 public:
  explicit LockdDoor(FrontDesk& desk) : desk_(desk) {}
  void serve(http::Exchange& exchange, const Target& target) override;

  static std::span<const Route> routes();

 private:
  void enter_at(http::Exchange& exchange, std::string_view path, std::string_view query);
  void ask_about_lock(http::Exchange& exchange, const Match& match, std::string_view query, std::string user);

  FrontDesk& desk_;
};

}  // namespace lockkeeper::server
