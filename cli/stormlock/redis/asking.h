// One command after the other to a Redis server, without a thread of its own: the calling one waits for each.
#pragma once

#include <string>

#include "cli/stormlock/redis/redis_url.h"
#include "stores/redis/command.h"
#include "stores/redis/connection.h"
#include "stores/redis/loop.h"
#include "stores/redis/reply.h"

namespace lockkeeper::cli::stormlock {

class Asking {
 public:
  explicit Asking(RedisUrl url);

  // Connects, if it is not connected. Throws BackendError if it can't: nothing was sent then. Reply::Kind::lost: it
  // was sent, and nothing is known.
  stores::redis::Reply ask(const stores::redis::Command& command);
  // "Redis at HOST:PORT: "
  const std::string& where() const { return where_; }

 private:
  void connect();

  const RedisUrl url_;
  const std::string where_;
  stores::redis::Loop loop_;
  stores::redis::Connection connection_;
};

}  // namespace lockkeeper::cli::stormlock
