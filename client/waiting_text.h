// What people are told of a lock that is held or waited for. Names come from outside: what prints them takes
// control characters out.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "locks/time.h"
#include "wire/native_json.h"

namespace lockkeeper::client {

// "main/deploy/job #12 (https://ci/builds/4711) since 14:02Z (3m10s)"; the date too when it was another day.
std::string holder_text(const wire::HoldView& hold, locks::WallTime now);

// "3m10s"; "0s" for what is shorter than a second.
std::string seconds_text(std::chrono::milliseconds duration);

// The oldest holder, and how many more; "nobody" for none.
std::string holders_text(const std::vector<wire::HoldView>& holders, locks::WallTime now);

// "place 5 of 7 in the queue, behind a, b, c and 1 more; about 6m to go": where a waiter is, and who is before it.
std::string place_text(const wire::QueuedView& queued);

}  // namespace lockkeeper::client
