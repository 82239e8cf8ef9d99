// Names in byte order, out of all partitions of locks at once.
#pragma once

#include "engine/store.h"
#include "stores/dynamodb/session.h"

namespace lockkeeper::stores::dynamodb {

engine::Scanned scan(Session& session, const engine::Scan& question);

// A part of a round over all locks, with a pause after each round.
engine::FreeFound find_free(Session& session, const engine::FindFree& question);

}  // namespace lockkeeper::stores::dynamodb
