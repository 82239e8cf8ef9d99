#include "resource/revision.h"

#include <algorithm>

namespace lockkeeper::resource {
namespace {

using locks::What;

// A withdrawal ends a claim when it names a token; else it only closed a name.
bool ends(const locks::Event& event) {
  return event.what == What::released || event.what == What::lapsed || event.what == What::forced ||
         (event.what == What::withdrawn && event.token != 0);
}

}  // namespace

bool takes(const locks::Event& event) {
  return event.what == What::acquired || event.what == What::shared || event.what == What::granted ||
         event.what == What::imported;
}

bool reported(const locks::Event& event) {
  return takes(event) || ends(event);
}

// What left the lock free is not written down, but shows in what came next: only a free lock is `acquired`.
std::vector<locks::Version> reported_versions(const std::vector<locks::Event>& events, TriggerOn trigger_on,
                                              bool held) {
  std::vector<locks::Version> versions;
  bool free_after = !held;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!reported(*event)) continue;
    const bool unlocked = ends(*event) && (free_after || event->what == What::forced);
    if (trigger_on == TriggerOn::any || unlocked) versions.push_back(event->version);
    free_after = event->what == What::acquired;
  }
  std::reverse(versions.begin(), versions.end());
  return versions;
}

}  // namespace lockkeeper::resource
