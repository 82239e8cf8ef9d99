// One function a command, and what several of them say. Inside of locks/ only.
#pragma once

#include <optional>
#include <string>

#include "locks/decide.h"
#include "locks/draft.h"

namespace lockkeeper::locks {

Decision decide_one(const Situation& now, const Acquire& acquire);
Decision decide_one(const Situation& now, const Release& release);
Decision decide_one(const Situation& now, const ForceRelease& force);
Decision decide_one(const Situation& now, const Inspect& inspect);
Decision decide_one(const Situation& now, const Renew& renew);
Decision decide_one(const Situation& now, const Lapse& lapse);
Decision decide_one(const Situation& now, const GiveBack& give_back);
Decision decide_one(const Situation& now, const KeepPlace& keep);
Decision decide_one(const Situation& now, const OfGate& of_gate);

// To who is, or is about to be, at `index` of the queue with that key.
Queued queued(const Record& record, std::size_t index, const std::string& key, WallTime now);

Tally* find_tally(std::vector<Tally>& tallies, const std::string& holder);
// How the claim of that name ended, if that is still known.
std::optional<End> ended_before(const Record& record, const std::string& name);
Decision not_yours(const Situation& now);
Decision gone(const Situation& now, Gone::Why why, std::optional<End> end = std::nullopt);

}  // namespace lockkeeper::locks
