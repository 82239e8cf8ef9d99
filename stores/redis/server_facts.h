// What a Redis server says of itself when it is met: whether it can be used at all, and what its operator should
// know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stores/redis/reply.h"

namespace lockkeeper::stores::redis {

struct ServerFacts {
  std::string run_id, role, mode;  // "": not told
  std::string appendonly, appendfsync, policy;

  void from_info(const Reply& reply);    // INFO
  void from_hello(const Reply& reply);   // HELLO: what every user may ask, of Redis 6 and newer
  void from_config(const Reply& reply);  // CONFIG GET appendfsync

  // Why it can't be used.
  std::optional<std::string> refusal() const;
  // Each names a setting.
  std::vector<std::string> warnings() const;
};

}  // namespace lockkeeper::stores::redis
