// What is known of the event that a version stands for, and of the lock now.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "resource/answer.h"
#include "resource/patience.h"
#include "resource/world.h"

namespace lockkeeper::in {

struct Fetched {
  std::string lock;
  std::string revision;                          // as given; empty: the version was no revision
  std::optional<locks::Event> event;             // none: an original server, or history forgot it
  bool stands = false;                           // the event's claim still holds the lock
  locks::Metadata claim_metadata;                // of that claim, while it stands
  std::optional<std::chrono::milliseconds> ttl;  // likewise
  // Between the claim's coming to the queue and its grant; 0: it was granted at once; none: not known any more.
  std::optional<std::chrono::milliseconds> queued;
  wire::LockView now;
  std::string key;  // of that claim, while it stands and where it is known
};

// Reads it from the server. `concourse`: for the key of a build that was given none; `given_key`: params.key.
Fetched fetch(resource::LockServer& server, resource::Patience& patience, const std::string& url,
              const std::string& lock, const resource::GivenVersion& version, const std::string& concourse,
              const std::optional<std::string>& given_key);

// lock.json: what the files beside it say, and the lock's state now. Never the key.
std::string lock_json(const Fetched& fetched);

// Throws StepFailed when a file cannot be written.
void write_files(const Fetched& fetched, const std::string& folder);

}  // namespace lockkeeper::in
