#include "stores/memory/memory_store.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::stores {

using Answer = decltype(engine::Operation::answer);

MemoryStore::MemoryStore() = default;

void MemoryStore::open(engine::Completions& completions) {
  completions_ = &completions;
}

void MemoryStore::begin(engine::Operation* chain) {
  if (hold_) {
    while (chain != nullptr) held_.push_back(std::exchange(chain, std::exchange(chain->next, nullptr)));
    return;
  }
  for (engine::Operation* operation = chain; operation != nullptr; operation = operation->next) {
    carry_out(*operation);
  }
  if (chain != nullptr) completions_->completed(chain);
}

void MemoryStore::close() {
  hold_ = false;
  release_held();
}

bool MemoryStore::exclusive() const {
  return true;
}
bool MemoryStore::ready() const {
  return true;
}

void MemoryStore::hold(bool on) {
  hold_ = on;
}

std::size_t MemoryStore::held() const {
  return held_.size();
}

void MemoryStore::release_held(std::size_t number) {
  for (; number > 0 && !held_.empty(); --number) {
    engine::Operation* operation = held_.front();
    held_.pop_front();
    carry_out(*operation);
    completions_->completed(operation);
  }
}

void MemoryStore::carry_out(engine::Operation& operation) {
  if (fault) {
    if (auto failed = fault(operation)) {
      operation.answer = std::move(*failed);
      return;
    }
  }
  operation.answer = std::visit([this](auto& question) { return answer(question); }, operation.question);
}

Answer MemoryStore::answer(engine::Commit& commit) {
  const locks::Change& change = commit.change;
  auto found = records_.find(commit.lock);
  if (found == records_.end()) {
    if (!change.creates || change.expected != floor_) return engine::Conflict{std::nullopt, floor_};
    found = records_.emplace(commit.lock, locks::absent(floor_)).first;
  } else if (change.creates || change.expected != found->second.head.version) {
    return engine::Conflict{found->second, floor_};
  }
  locks::apply(found->second, change);
  if (boot_clock != nullptr) stamp(stamps_[commit.lock], change.rows);
  auto& history = history_[commit.lock];
  history.insert(history.end(), change.events.begin(), change.events.end());
  return engine::Committed{};
}

void MemoryStore::stamp(Stamps& stamps, const std::vector<locks::RowOperation>& rows) const {
  const auto boot = boot_clock->boot();
  const auto now = boot_clock->now();
  for (const auto& operation : rows) {
    if (const auto* gone = std::get_if<locks::RowId>(&operation)) {
      stamps.erase(*gone);
      continue;
    }
    Stamp& stamp = stamps[locks::id(std::get<locks::Row>(operation))];
    if (stamp.boot != boot || stamp.made > now) stamp.made = now;
    stamp.written = now;
    stamp.boot = boot;
  }
}

std::vector<engine::Age> MemoryStore::ages(const std::string& lock) const {
  std::vector<engine::Age> all;
  const auto found = stamps_.find(lock);
  if (boot_clock == nullptr || found == stamps_.end()) return all;
  const auto boot = boot_clock->boot();
  const auto now = boot_clock->now();
  const auto age = [now](std::chrono::nanoseconds at) {
    return std::chrono::floor<std::chrono::milliseconds>(now - at);
  };
  for (const auto& [row, stamp] : found->second) {
    if (row.kind != locks::RowKind::claim || stamp.boot != boot || boot.empty() || stamp.written > now) continue;
    all.push_back({row, age(stamp.written), age(stamp.made)});
  }
  return all;
}

Answer MemoryStore::answer(const engine::Read& read) {
  const auto found = records_.find(read.lock);
  if (found == records_.end()) return engine::Found{std::nullopt, floor_};
  return engine::Found{found->second, floor_};
}

Answer MemoryStore::answer(const engine::Scan& scan) {
  engine::Scanned scanned;
  // The prefix itself may be a name; what comes after `after` is not.
  auto each = scan.after < scan.prefix ? records_.lower_bound(scan.prefix) : records_.upper_bound(scan.after);
  for (; each != records_.end() && each->first.starts_with(scan.prefix); ++each) {
    if (scan.held_only && !locks::held(each->second)) continue;
    if (scan.timed_only && each->second.head.timed == 0) continue;
    if (scanned.locks.size() == scan.limit) {
      scanned.more = true;
      break;
    }
    scanned.locks.push_back({each->first, each->second, {}});
    if (scan.timed_only) scanned.locks.back().ages = ages(each->first);
  }
  return scanned;
}

Answer MemoryStore::answer(const engine::ReadHistory& read) {
  engine::HistoryRead answer;
  const auto found = history_.find(read.lock);
  if (found == history_.end() || found->second.empty()) return answer;
  const auto& events = found->second;
  answer.oldest = events.front().version;
  const auto first =
      std::upper_bound(events.begin(), events.end(), read.after,
                       [](locks::Version after, const locks::Event& event) { return after < event.version; });
  const auto matching = static_cast<std::size_t>(events.end() - first);
  const auto taken = static_cast<std::ptrdiff_t>(std::min(matching, read.limit));
  answer.more = matching > read.limit;
  if (read.newest_first) {
    answer.events.assign(events.rbegin(), events.rbegin() + taken);
  } else {
    answer.events.assign(first, first + taken);
  }
  return answer;
}

Answer MemoryStore::answer(const engine::Prune& prune) {
  const auto found = records_.find(prune.lock);
  if (found == records_.end() || locks::held(found->second) || !found->second.waiters.empty() ||
      found->second.head.version != prune.expected) {
    return engine::Pruned{false};
  }
  floor_ = std::max(floor_, prune.expected);
  records_.erase(found);
  stamps_.erase(prune.lock);
  return engine::Pruned{true};
}

Answer MemoryStore::answer(const engine::FindFree& find) {
  engine::FreeFound answer;
  for (const auto& [lock, record] : records_) {
    if (answer.locks.size() == find.limit) break;
    if (!locks::held(record) && record.waiters.empty() && record.head.changed < find.before) {
      answer.locks.push_back(lock);
    }
  }
  return answer;
}

Answer MemoryStore::answer(const engine::TrimHistory& trim) {
  engine::Trimmed answer;
  std::size_t looked_at = 0;
  auto each = history_.lower_bound(trimmed_to_);
  while (each != history_.end() && looked_at < trim.limit) {
    auto& events = each->second;
    ++looked_at;  // a lock with nothing to drop is a look as well
    while (!events.empty() && (events.front().at < trim.before || events.size() > trim.per_lock) &&
           answer.dropped < trim.limit) {
      events.pop_front();
      ++answer.dropped;
      ++looked_at;
    }
    if (answer.dropped == trim.limit) break;  // perhaps not through with this one
    each = events.empty() ? history_.erase(each) : std::next(each);
  }
  answer.more = each != history_.end();
  trimmed_to_ = answer.more ? each->first : "";
  return answer;
}

}  // namespace lockkeeper::stores
