#include "tests/simulation/checker.h"

#include <utility>

#include "tests/unit/told.h"

namespace lockkeeper::simulation {

using locks::Event;
using locks::Version;
using locks::What;

void Checker::fail(const std::string& what) {
  stage_.fail(lock_ + ": " + what);
}

void Checker::committed(const std::string& lock, const locks::Change& change, const locks::Record& after) {
  lock_ = lock;
  ledger_ = &ledgers_[lock];
  change_ = &change;
  after_ = &after;
  if (change.creates && change.expected < ledger_->version) {
    return fail("created at version " + std::to_string(change.expected) + ", it was at " +
                std::to_string(ledger_->version) + " before it was pruned");
  }
  if (change.creates) ledger_->version = change.expected;
  if (change.expected != ledger_->version) {
    return fail("a change of version " + std::to_string(change.expected) + " met version " +
                std::to_string(ledger_->version));
  }
  if (change.events.empty()) return fail("a change without events");
  const std::string& id = change.events.front().change;
  if (id.empty() || !changes_.insert(id).second) fail("the change '" + id + "' was applied before");
  for (const Event& event : change.events) {
    if (event.version != ++ledger_->version) fail("version " + std::to_string(ledger_->version) + " has no event");
    if (event.change != id) fail("two change ids within one change");
    replay(event);
    if (stage_.violation) return;
  }
  if (after.head.version != ledger_->version) fail("the head is not at the version of its last event");
  compare(change);
  compare_queue(change);
}

void Checker::pruned(const std::string& lock, Version floor) {
  lock_ = lock;
  ledger_ = &ledgers_[lock];
  if (ledger_->held() || !ledger_->queue.empty()) fail("pruned while it was in use");
  if (floor < ledger_->version) fail("pruned, and its version is above the floor");
}

void Checker::compare(const locks::Change& change) {
  const locks::Record& record = *after_;
  std::map<std::string, std::uint64_t> counts;
  std::set<std::string> names;
  Version last = 0;
  std::uint64_t timed = record.waiters.size();
  for (const locks::Tally& tally : record.head.tallies) {
    if (tally.count == 0 || tally.oldest > tally.newest || counts.count(tally.holder) != 0) fail("a wrong tally");
    counts[tally.holder] = tally.count;
  }
  for (const locks::Claim& claim : record.claims) {
    ++counts[claim.holder];
    if (locks::timed(claim)) ++timed;
    if (claim.token <= last || claim.token > record.head.version) fail("claims are not in the order of tokens");
    last = claim.token;
    if (claim.name.empty()) continue;
    if (!names.insert(claim.name).second) fail("two claims under one name");
    const auto named = ledger_->named.find(claim.name);
    if (named == ledger_->named.end() || named->second.token != claim.token ||
        named->second.holder != claim.holder) {
      fail("the claim " + claim.name + " is not in the history");
    }
  }
  for (const locks::Waiter& waiter : record.waiters) {
    if (!waiter.name.empty() && !names.insert(waiter.name).second) fail("a claim and a place under one name");
  }
  if (counts != ledger_->counts) fail("history does not add up to the state: " + test::told(record));
  for (const auto& [name, named] : ledger_->named) {
    if (names.count(name) == 0) fail("the history has a claim " + name + " that the state has not");
  }
  if (record.head.key != (ledger_->held() ? ledger_->key : "")) fail("the key is not the holders'");
  if (record.head.timed != timed) fail("the head does not tell how many rows can lapse");
  if (change.head != record.head) fail("the store has another head than was written");
}

void Checker::compare_queue(const locks::Change& change) {
  const locks::Record& record = *after_;
  auto place = ledger_->queue.begin();
  for (const locks::Waiter& waiter : record.waiters) {
    if (place == ledger_->queue.end() || place->place != waiter.place || place->name != waiter.name ||
        place->key != waiter.key || place->holder != waiter.holder) {
      return fail("the queue is not in the order in which they came: " + test::told(record));
    }
    ++place;
  }
  if (place != ledger_->queue.end()) return fail("a waiter was lost: " + place->name);
  if (record.waiters.empty()) return;
  if (!ledger_->held()) return fail("it is free, and somebody is queued");
  // Limits of a commit and of a lock may leave the rest for the next change.
  const bool full = change.rows.size() + 8 > locks::commit_rows || change.events.size() >= locks::commit_grants ||
                    record.claims.size() >= stage_.profile.settings.limits.claim_rows;
  if (!full && record.waiters.front().key == ledger_->key) fail("the first in the queue could join, and was left");
}

}  // namespace lockkeeper::simulation
