// What is said of a queue.
#include <algorithm>
#include <string>
#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {
namespace {

constexpr std::size_t kAhead = 10;  // of those before it are named to a waiter

WallTime held_since(const Record& record, WallTime now) {
  WallTime since = now;
  for (const Tally& tally : record.head.tallies) since = std::min(since, tally.since);
  for (const Claim& claim : record.claims) since = std::min(since, claim.since);
  return since;
}

std::optional<milliseconds> estimated(const Record& record, std::size_t index, const std::string& own,
                                      WallTime now) {
  const milliseconds mean = record.head.mean_hold;
  if (mean.count() == 0) return std::nullopt;
  std::int64_t groups = 0;  // before it, after those who hold now
  const std::string* key = &record.head.key;
  for (std::size_t i = 0; i < index; ++i) {
    if (record.waiters[i].key != *key) ++groups;
    key = &record.waiters[i].key;
  }
  if (groups > 0 && own == *key) --groups;
  const milliseconds rest = std::max(mean - (now - held_since(record, now)), milliseconds(0));
  return rest + groups * mean;
}

}  // namespace

std::optional<milliseconds> estimated_wait(const Record& record, std::size_t index, WallTime now) {
  static const std::string nobodys;
  return estimated(record, index, index < record.waiters.size() ? record.waiters[index].key : nobodys, now);
}

Queued queued(const Record& record, std::size_t index, const std::string& key, WallTime now) {
  Queued answer;
  answer.version = record.head.version;
  answer.position = index + 1;
  answer.waiters = std::max(record.waiters.size(), index + 1);
  if (index < record.waiters.size()) {
    const Waiter& own = record.waiters[index];
    answer.place = id(own);
    answer.since = own.since;
  }
  for (std::size_t i = 0; i < std::min(index, kAhead); ++i) {
    answer.ahead.push_back({record.waiters[i].holder, record.waiters[i].since});
  }
  answer.holds = holds(record);
  answer.estimate = estimated(record, index, key, now);
  return answer;
}

Queued queued(const Record& record, const std::string& name, WallTime now) {
  const auto at = std::find_if(record.waiters.begin(), record.waiters.end(),
                               [&](const Waiter& one) { return one.name == name; });
  const std::string& key = at != record.waiters.end() ? at->key : record.head.key;
  return queued(record, static_cast<std::size_t>(std::distance(record.waiters.begin(), at)), key, now);
}

}  // namespace lockkeeper::locks
