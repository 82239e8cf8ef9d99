// Whether a hold that was seen once is still the same one.
#pragma once

#include <functional>
#include <string>

#include "wire/native_json.h"

namespace lockkeeper::resource {

// A page of the lock's history after a version, oldest first.
using HistoryAfter = std::function<wire::HistoryView(locks::Version after)>;

// The claim called `name`, if it stands and is the hold that had `token`: granted with it, or taken over since. A
// build that locks, unlocks and locks again has two holds of one name. Where history no longer tells, none.
const wire::ClaimView* standing(const wire::LockView& now, const std::string& name, locks::Version token,
                                const HistoryAfter& history);

}  // namespace lockkeeper::resource
