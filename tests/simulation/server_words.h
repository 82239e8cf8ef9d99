// What a server said to itself (a lapse, a kept place, a claim handed back), read back from what it brought about.
#pragma once

#include <optional>
#include <string>

#include "locks/change.h"
#include "locks/command.h"
#include "locks/record.h"

namespace lockkeeper::simulation {

// `before`: the record that `event` of `change` came upon; nullopt: a server says no such thing.
std::optional<locks::Command> said_by_server(const std::string& lock, const locks::Record& before,
                                             const locks::Change& change, const locks::Event& event);

}  // namespace lockkeeper::simulation
