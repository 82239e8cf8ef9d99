// A bound on how long the process takes to end, whatever hangs: a disk, or a log that nobody reads.
#pragma once

#include <chrono>

namespace lockkeeper::server {

// For a line of the log before an end that cannot be put off.
constexpr std::chrono::seconds time_for_last_words{2};

// If the process has not ended by itself after `limit` (rounded up to seconds), it ends with `code`: no destructor
// runs, nothing is checkpointed. A limit that runs out sooner stays. Any thread.
void end_within(std::chrono::milliseconds limit, int code);

// Takes that back: what is still to come does not block.
void end_at_leisure();

}  // namespace lockkeeper::server
