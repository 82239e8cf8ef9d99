// Locks as the original keeps them in DynamoDB: an item under the resource's name, with `principal` and `lease`
// (S), `created` and `expires` (N, whole seconds since 1970 by the clock of whoever wrote it). It counts until the
// second that `expires` names is over: as both programs cut the fraction off, no lease is shorter than its ttl that
// way.
//
// An item that counts no more is taken over, under the condition that it still is as old. So two of ours, or one of
// ours and one of the original's, never take it both; the original itself waits until DynamoDB has swept it.
//
// The time is this machine's, as with the original, unless DynamoDB's answers are dated otherwise: then it is
// theirs.
#pragma once

#include <memory>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Connects with the first command.
std::unique_ptr<Backend> make_dynamodb_backend(const Section& section);

}  // namespace lockkeeper::cli::stormlock
