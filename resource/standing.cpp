#include "resource/standing.h"

#include <algorithm>

#include "resource/revision.h"

namespace lockkeeper::resource {

const wire::ClaimView* standing(const wire::LockView& now, const std::string& name, locks::Version token,
                                const HistoryAfter& history) {
  if (name.empty() || token == 0) return nullptr;
  const auto claim = std::find_if(now.claims.begin(), now.claims.end(),
                                  [&](const wire::ClaimView& one) { return one.claim == name; });
  if (claim == now.claims.end() || claim->token < token) return nullptr;
  for (locks::Version after = token; after < claim->token;) {
    const wire::HistoryView page = history(after);
    if (page.events.empty() || page.oldest > after + 1) return nullptr;
    for (const locks::Event& event : page.events) {
      // A name that is granted anew had lost what it held.
      if (event.version <= claim->token && event.claim == name && takes(event)) return nullptr;
    }
    after = page.events.back().version;
  }
  return &*claim;
}

}  // namespace lockkeeper::resource
