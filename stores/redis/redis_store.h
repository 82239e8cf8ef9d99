// Records in one Redis server, for any number of servers that share it. Redis decides: each change is a script that
// checks the lock's version and writes all of it or nothing (scripts.h has the layout).
//
// Fit for efficiency, not for correctness, once Redis has failed over. With `appendonly yes` and `appendfsync
// always` nothing that was acknowledged is lost when Redis, or its machine, stops and comes back with its disk.
// But:
//   - With less (checked at each connection, and warned about) the last changes may be gone after a crash.
//   - A replica that takes over lacks what the master acknowledged and had not sent: Redis replicates afterwards.
// Then locks are as they were some moments ago: what was granted meanwhile is not known, is granted again, and with
// the same token, for versions go back with their records and no floor can help. A server that was running notices
// when a lock it has changed lately has gone back, and says so; it can't undo it. When all is gone (another epoch),
// servers that were running let versions begin above all that went before, by the wall clock; tokens then keep
// growing, but whoever held a lock does not hold it any more.
//
// One thread of its own, two connections: one for commands, one that is told of changes.
#pragma once

#include <memory>

#include "engine/store.h"
#include "stores/redis/redis_options.h"

namespace lockkeeper::stores {

class RedisStore final : public engine::Store {
 public:
  explicit RedisStore(RedisOptions options);
  ~RedisStore() override;

  // Throws engine::StoreError: nothing answers there within connect_timeout, it lets nobody in, or it is no Redis
  // that this can use (a replica, a cluster, another layout).
  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override { return false; }
  bool watches() const override { return true; }
  bool ready() const override;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace lockkeeper::stores
