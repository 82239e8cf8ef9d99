// All that a store keeps, brought into another one: records as they are, their histories, and where versions of new
// locks start. What is left behind: how old a lease is (its time starts anew), and the history of locks that were
// forgotten.
//
// TO must never have had a lock. While it is filled a mark is in it, so that half of a copy is known as one; the
// mark goes only when all of FROM was read once more and compared with what TO has by then.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/store_error.h"
#include "server/commands/asker.h"

namespace lockkeeper::server {

// Like a gate's, no name that a lock can have; before all of them, where no list begins.
inline constexpr const char* copy_mark =
    "\x01"
    "copy";

struct Copied {
  std::uint64_t locks = 0;
  std::uint64_t gates = 0;
  std::uint64_t events = 0;
  locks::Version floor = 0;  // new locks start after this version
};

// It was begun, and TO has a part of it.
class UnfinishedCopy : public engine::StoreError {
 public:
  using StoreError::StoreError;
};

// `progress` is told now and then. Throws StoreError, UnfinishedCopy.
Copied copy(Asker& from, Asker& to, const std::function<void(const Copied&)>& progress);

}  // namespace lockkeeper::server
