// The dialect of the original shared-lock (compat: shared-lock): leases by a key, known by a number.
//
//   POST /lease      {"key", "value", "labels", "timestamp"}, x-lease-ttl: 201 with a new lease's id, or 202 with
//   the
//                    id of who has it
//   POST /keepalive  an id: 200, or 204 when it is over
//   GET  /health     without credentials
//   GET  /metrics
//
// There is no release: a lease ends with its ttl, or at the native door.
#pragma once

#include <span>

#include "server/doors/door.h"
#include "server/doors/shared_lock_metrics.h"
#include "server/routes.h"

namespace lockkeeper::server {

class SharedLockDoor final : public Door {
 public:
  explicit SharedLockDoor(FrontDesk& desk);
  void serve(http::Exchange& exchange, const Target& target) override;

  static std::span<const Route> routes();

 private:
  void lease(http::Exchange& exchange, std::string user);
  void keep_alive(http::Exchange& exchange, std::string user);

  FrontDesk& desk_;
  SharedLockMetrics metrics_;
};

}  // namespace lockkeeper::server
