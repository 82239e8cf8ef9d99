#include "stores/redis/faults.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace lockkeeper::stores::redis {
namespace {

using engine::Failed;

// Nothing of a script was carried out: Redis says these before its first write. (NOPERM may come later.)
constexpr std::array<std::string_view, 9> kBefore = {"MISCONF",  "READONLY",   "LOADING",    "BUSY", "NOAUTH",
                                                     "NOSCRIPT", "MASTERDOWN", "NOREPLICAS", "LOST"};

}  // namespace

Failed failed(const Reply& reply, bool writes) {
  if (reply.kind == Reply::Kind::lost) {
    return {writes ? Failed::Kind::unknown : Failed::Kind::unavailable, "Redis: " + reply.text};
  }
  const std::string why = "Redis: " + (reply.kind == Reply::Kind::error ? reply.text : "an answer of another kind");
  if (reply.error("OOM") || (reply.error("MISCONF") && reply.text.find("No space left") != reply.text.npos)) {
    return {Failed::Kind::no_room, why};
  }
  const bool before = std::any_of(kBefore.begin(), kBefore.end(), [&](auto word) { return reply.error(word); });
  return {writes && !before ? Failed::Kind::unknown : Failed::Kind::unavailable, why};
}

bool away(const Reply& reply) {
  return reply.error("LOST") || reply.error("READONLY") || reply.error("LOADING") || reply.error("MASTERDOWN") ||
         reply.error("NOAUTH");
}

}  // namespace lockkeeper::stores::redis
