// A lock with its history as commits that a store takes: as large as the engine's at most.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/store.h"

namespace lockkeeper::server {

inline constexpr std::size_t rows_a_piece = 64;
inline constexpr std::size_t events_a_piece = 63;

// The first creates the lock in a store whose floor is 0, each expects the one before, the last has its version.
// `events`: by version. Throws StoreError when it has more pieces than versions, which no sound lock has.
std::vector<engine::Commit> pieces(const engine::NamedRecord& lock, std::vector<locks::Event> events);

}  // namespace lockkeeper::server
