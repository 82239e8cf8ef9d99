#include "tests/simulation/hearing.h"

#include <chrono>
#include <variant>

namespace lockkeeper::simulation {
namespace {

constexpr Time kRest = std::chrono::seconds(10);  // answers, their give-backs and repetitions are through by then

}  // namespace

void Hearing::answered(const Asked& asked, Heard heard) {
  const auto* acquire = std::get_if<locks::Acquire>(&asked.meant.what);
  const auto* granted = std::get_if<locks::Granted>(&asked.outcome());
  if (acquire == nullptr || acquire->claim.empty() || granted == nullptr) return;
  Grant& grant = grants_[{asked.meant.lock, granted->token}];
  grant.last = stage_.agenda.now();
  if (heard == Heard::by_client) {
    grant.told = true;
  } else if (heard == Heard::for_all_the_server_knows) {
    grant.believed = true;
  }
}

bool Hearing::asks_again(const locks::Event& event) const {
  const Asked* by = stage_.calls.find(event.by);
  return by != nullptr && std::holds_alternative<locks::Acquire>(by->meant.what);
}

void Hearing::committed(const std::string& lock, const locks::Change& change, const Origin& origin) {
  for (const locks::Event& event : change.events) {
    if (event.claim.empty() || event.token == 0) continue;
    const bool new_token = event.token == event.version;
    if (new_token && event.what != locks::What::offered) {
      Grant& grant = grants_[{lock, event.token}];
      const Asked* by = stage_.calls.find(event.by);
      const auto* acquire = by != nullptr ? std::get_if<locks::Acquire>(&by->meant.what) : nullptr;
      const bool own = acquire != nullptr && acquire->claim == event.claim;
      // What comes late comes when its server has looked for it (docs/decisions/0006).
      const bool looked_for = !origin.late || stage_.profile.alone;
      grant.to_poll = looked_for && event.what == locks::What::granted && (!own || acquire->wait);
      grant.by = {origin.server, origin.life};
      grant.last = stage_.agenda.now();
      continue;
    }
    if (event.what == locks::What::renewed && asks_again(event)) {
      stage_.happened("asking again was written");
      grants_[{lock, event.token}].believed = true;
    }
    if (event.what != locks::What::offered) continue;
    Grant& grant = grants_[{lock, event.token}];
    if (!new_token && grant.told) {
      return stage_.fail(lock + ": " + event.claim + " with token " + std::to_string(event.token) + " was " +
                         locks::text(event.what) + ", and somebody was told that it is its own");
    }
    if (!new_token) stage_.happened("given back");
  }
}

void Hearing::look_for_leaks(const std::string& lock, const locks::Record& record, const Lives& lives) {
  // Where history is forgotten within minutes, nobody can tell whose grant it was.
  if (!stage_.profile.alone && stage_.profile.settings.history_per_lock < 100) return;
  for (const locks::Claim& claim : record.claims) {
    if (claim.name.empty() || locks::timed(claim)) continue;
    const auto found = grants_.find({lock, claim.token});
    if (found == grants_.end()) continue;
    const Grant& grant = found->second;
    if (!grant.to_poll || grant.believed || grant.told) continue;
    if (grant.last + kRest > stage_.agenda.now() || !lives(grant.by.first, grant.by.second)) continue;
    return stage_.fail(lock + ": " + claim.name + " with token " + std::to_string(claim.token) +
                       " stands, and nobody heard of it");
  }
}

}  // namespace lockkeeper::simulation
