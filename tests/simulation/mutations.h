// Planted bugs that alter what passes by: a command on its way to the engine, a change on its way to the store, a
// record on its way back.
#pragma once

#include <optional>

#include "locks/change.h"
#include "locks/command.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

// `record`: the lock as it stands in the store now; nullopt: absent.
void mutate(Stage& stage, locks::Command& command, const std::optional<locks::Record>& record);
void mutate(Stage& stage, locks::Change& change, const std::optional<locks::Record>& record);
void mutate(Stage& stage, locks::Record& read);

// The change as if it had been decided on `version`.
void renumber(locks::Change& change, locks::Version version);

}  // namespace lockkeeper::simulation
