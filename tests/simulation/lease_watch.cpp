#include "tests/simulation/lease_watch.h"

#include <algorithm>
#include <chrono>
#include <variant>

namespace lockkeeper::simulation {
namespace {

constexpr Time kLate = std::chrono::seconds(1);

}  // namespace

LeaseWatch::Timers LeaseWatch::timers_of(const locks::Record& record, Time now) {
  Timers timers;
  for (const locks::Claim& claim : record.claims) {
    const locks::RowId row = locks::id(claim);
    if (claim.offered || claim.ttl) {
      timers[{row, false}] = {claim.renewed, now, claim.offered ? *claim.offered : *claim.ttl, claim.holder};
    }
    if (claim.max_hold && !claim.offered) timers[{row, true}] = {claim.granted, now, *claim.max_hold, claim.holder};
  }
  for (const locks::Waiter& waiter : record.waiters) {
    timers[{locks::id(waiter), false}] = {waiter.renewed, now, waiter.grace, waiter.holder};
  }
  return timers;
}

void LeaseWatch::committed(const std::string& lock, const locks::Change& change, const locks::Record& after) {
  Timers& timers = locks_[lock];
  for (const locks::Event& event : change.events) {
    if (event.what == locks::What::lapsed || event.what == locks::What::offer_lapsed) {
      lapsed(lock, timers, event, change);
    }
  }
  Timers now = timers_of(after, stage_.agenda.now());
  for (auto& [id, timer] : now) {
    const auto before = timers.find(id);
    if (before != timers.end() && before->second.mark == timer.mark) timer.since = before->second.since;
  }
  timers = std::move(now);
}

// A nameless place is known by what the change takes away; of several, the one that was due first.
LeaseWatch::Timers::const_iterator LeaseWatch::nameless_place(const Timers& timers, const locks::Event& event,
                                                              const locks::Change& change) {
  auto found = timers.end();
  for (auto timer = timers.begin(); timer != timers.end(); ++timer) {
    const locks::RowId& row = timer->first.first;
    if (row.kind != locks::RowKind::waiter || timer->second.holder != event.holder) continue;
    const bool gone = std::any_of(change.rows.begin(), change.rows.end(), [&](const locks::RowOperation& one) {
      return std::holds_alternative<locks::RowId>(one) && std::get<locks::RowId>(one) == row;
    });
    if (!gone) continue;
    const auto due = [](const Timer& one) { return one.since + one.span; };
    if (found == timers.end() || due(timer->second) < due(found->second)) found = timer;
  }
  return found;
}

// Of what one change both brings and ends there is no timer; the rules have no such change.
void LeaseWatch::lapsed(const std::string& lock, const Timers& timers, const locks::Event& event,
                        const locks::Change& change) {
  const bool place = event.token == 0;
  const auto kind = place ? locks::RowKind::waiter : locks::RowKind::claim;
  locks::RowId row{kind, event.claim};
  if (event.claim.empty() && !place) row.id = "#" + std::to_string(event.token);
  auto timer = timers.find({row, event.reason == "max_hold"});
  if (event.claim.empty() && place) timer = nameless_place(timers, event, change);
  if (timer == timers.end()) return stage_.fail(lock + ": " + row.id + " lapsed and has no time that runs");
  const Time stood = stage_.agenda.now() - timer->second.since;
  stage_.happened(place                                     ? "a place lapsed"
                  : event.what == locks::What::offer_lapsed ? "an offer passed on"
                  : event.reason == "max_hold"              ? "max_hold ended"
                                                            : "a lease lapsed");
  if (stood < timer->second.span) {
    stage_.fail(lock + ": " + row.id + " lapsed after " + std::to_string(stood.count()) + " us of " +
                std::to_string(timer->second.span.count()));
  }
}

void LeaseWatch::look_for_late() {
  for (const auto& [lock, timers] : locks_) {
    for (const auto& [id, timer] : timers) {
      if (id.first.kind == locks::RowKind::waiter) continue;  // an open poll keeps its place
      if (stage_.agenda.now() > timer.since + timer.span + kLate) {
        stage_.fail(lock + ": " + id.first.id + " should have lapsed " +
                    std::to_string((stage_.agenda.now() - timer.since - timer.span).count()) + " us ago");
      }
    }
  }
}

}  // namespace lockkeeper::simulation
