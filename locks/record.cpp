#include "locks/record.h"

#include <algorithm>
#include <map>
#include <utility>

namespace lockkeeper::locks {

Record absent(Version floor) {
  Record record;
  record.head.version = floor;
  record.head.forgotten = floor;  // closed names went with the record
  return record;
}

bool held(const Record& record) {
  return !record.head.tallies.empty() || !record.claims.empty() || record.gate;
}

std::uint64_t count(const Record& record) {
  std::uint64_t sum = record.claims.size();
  for (const Tally& tally : record.head.tallies) sum += tally.count;
  return sum;
}

std::uint64_t count(const Record& record, const std::string& holder) {
  std::uint64_t sum = 0;
  for (const Tally& tally : record.head.tallies) {
    if (tally.holder == holder) sum += tally.count;
  }
  for (const Claim& claim : record.claims) {
    if (claim.holder == holder) ++sum;
  }
  return sum;
}

const Claim* find_claim(const Record& record, const std::string& name) {
  for (const Claim& claim : record.claims) {
    if (claim.name == name) return &claim;
  }
  return nullptr;
}

const Waiter* find_waiter(const Record& record, const std::string& name) {
  for (const Waiter& waiter : record.waiters) {
    if (waiter.name == name) return &waiter;
  }
  return nullptr;
}

bool timed(const Claim& claim) {
  return claim.ttl || claim.max_hold || claim.offered;
}

std::vector<Hold> holds(const Record& record) {
  struct Aged {
    Version oldest;
    Version described;  // token of the claim whose metadata is shown; 0: none yet
    Hold hold;
  };
  std::map<std::string, Aged> by_holder;
  for (const Tally& tally : record.head.tallies) {
    by_holder[tally.holder] = {tally.oldest, 0, {tally.holder, tally.count, tally.since, {}}};
  }
  for (const Claim& claim : record.claims) {
    auto [at, fresh] =
        by_holder.try_emplace(claim.holder, Aged{claim.token, 0, {claim.holder, 0, claim.since, {}}});
    Aged& aged = at->second;
    ++aged.hold.count;
    if (claim.token < aged.oldest) aged.oldest = claim.token;
    aged.hold.since = std::min(aged.hold.since, claim.since);
    if (!claim.metadata.empty() && (aged.described == 0 || claim.token < aged.described)) {
      aged.described = claim.token;
      aged.hold.metadata = claim.metadata;
    }
  }
  std::vector<Aged> sorted;
  sorted.reserve(by_holder.size());
  for (auto& [holder, aged] : by_holder) sorted.push_back(std::move(aged));
  std::sort(sorted.begin(), sorted.end(), [](const Aged& a, const Aged& b) { return a.oldest < b.oldest; });
  std::vector<Hold> result;
  result.reserve(sorted.size());
  for (Aged& aged : sorted) result.push_back(std::move(aged.hold));
  return result;
}

}  // namespace lockkeeper::locks
