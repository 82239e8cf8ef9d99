// Reading, changing and forgetting one lock.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "engine/store.h"
#include "stores/dynamodb/session.h"

namespace lockkeeper::stores::dynamodb {

using Answer = decltype(engine::Operation::answer);

// All throw DynamoError, and wire::WireError for damage.
engine::Found read(Session& session, const engine::Read& question);
Answer commit(Session& session, const engine::Commit& question);
engine::Pruned prune(Session& session, const engine::Prune& question);

// What a lock's item has too much of: the oldest of its events, to be moved to items of their own when there is
// time. Empty: nothing.
std::vector<locks::Event> overhang(Session& session, const std::string& lock);

}  // namespace lockkeeper::stores::dynamodb
