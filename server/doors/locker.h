// The native dialect, which is the original locker's with more fields (compat: locker): an old client needs no
// change, and gets the original's bytes as long as it sends nothing of ours.
//
//   GET    /locks                      the original's shape; the whole story with ?view=full&prefix=&limit=&after=
//   PUT    /lock/{name}                acquire; with "wait" a long poll
//   DELETE /lock/{name}                release, withdraw
//   GET    /lock/{name}                never shows keys
//   GET    /lock/{name}/history        ?after=&limit=&order=newest|oldest
//   POST   /lock/{name}/renew          {"key", "claim" or "token", "ttl"}
//   POST   /lock/{name}/force-release  {"reason"}
//   GET    /status                     counters of this process
//   GET    /metrics                    the same and more, for Prometheus
//   GET    /health, /ready, /version   the first two without credentials, for balancers
#pragma once

#include <span>

#include "server/doors/door.h"
#include "server/routes.h"

namespace lockkeeper::server {

class LockerDoor final : public Door {
 public:
  explicit LockerDoor(FrontDesk& desk) : desk_(desk) {}
  void serve(http::Exchange& exchange, const Target& target) override;

  static std::span<const Route> routes();

 private:
  void admitted(http::Exchange& exchange, const Target& target, const Match& match, std::string user);

  FrontDesk& desk_;
};

}  // namespace lockkeeper::server
