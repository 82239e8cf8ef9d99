// A lock's history: its newest events are in its item, where they were committed with their change; the older ones
// are items of their own. They are put there before they are left out of the item, by whoever gets to it, always
// the same: so an event may be in both places for a while, and is never in none.
#pragma once

#include <string>
#include <vector>

#include "engine/store.h"
#include "stores/dynamodb/session.h"

namespace lockkeeper::stores::dynamodb {

// Events that were read, or committed: nothing else may be put there.
void move_to_history(DynamoClient& client, const std::string& table, const std::string& lock,
                     const std::vector<locks::Event>& events, Deadline deadline);

engine::HistoryRead read_history(Session& session, const engine::ReadHistory& question);

// Goes over the whole table, tombstones included, with a pause after each round.
engine::Trimmed trim_history(Session& session, const engine::TrimHistory& question);

}  // namespace lockkeeper::stores::dynamodb
