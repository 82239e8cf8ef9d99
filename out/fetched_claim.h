#pragma once

#include <optional>
#include <string>

#include "resource/payload.h"

namespace lockkeeper::out {

// What `in` wrote about a claim: one file a field. An absent file is an empty field.
struct FetchedClaim {
  std::string lock;
  std::string holder;
  std::string claim;
  locks::Version token = 0;  // that the claim had then
  std::string key;           // only there while the hold stood at the fetch
};

// Throws StepFailed when there is no fetched lock in `folder`.
FetchedClaim read_fetched(const std::string& folder);

}  // namespace lockkeeper::out
