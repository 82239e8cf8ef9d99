// What an operation's lack of a good reply means for it.
#pragma once

#include "engine/store.h"
#include "stores/redis/reply.h"

namespace lockkeeper::stores::redis {

// `writes`: it may have been carried out where nothing is known.
engine::Failed failed(const Reply& reply, bool writes);

// Whether the server, though it answers, is of no use for now.
bool away(const Reply& reply);

}  // namespace lockkeeper::stores::redis
