// Between operations and what Redis is asked and answers: the layout of scripts.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/store.h"
#include "stores/redis/command.h"
#include "stores/redis/reply.h"

namespace lockkeeper::stores::redis {

std::string lock_key(const std::string& prefix, std::string_view lock);

// Adds its group to a commit's ARGV.
void add_change(Command& command, const engine::Commit& commit, std::string& scratch);

locks::Version version(const Reply& reply);  // throws wire::WireError: no number

// Of HGETALL; nullopt: there is no such lock. Throws wire::WireError, which names the lock.
std::optional<locks::Record> record(const std::string& lock, const Reply& hash);

// Throws wire::WireError.
engine::HistoryRead history(const std::string& lock, const Reply& reply);

}  // namespace lockkeeper::stores::redis
