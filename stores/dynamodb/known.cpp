#include "stores/dynamodb/known.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::stores::dynamodb {
namespace {

// Of an entry, beside what an item takes in the table: decoded it takes more.
constexpr std::size_t entry_bytes = 1024;

}  // namespace

std::shared_ptr<const LockItem> Known::find(const std::string& lock) {
  const std::scoped_lock guard(mutex_);
  const auto found = by_lock_.find(lock);
  if (found == by_lock_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->item;
}

void Known::remember(const std::string& lock, std::shared_ptr<const LockItem> item, std::size_t bytes) {
  const std::scoped_lock guard(mutex_);
  bytes += entry_bytes;
  if (const auto found = by_lock_.find(lock); found != by_lock_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    // A read that took long may come back after a commit.
    const LockItem& there = *found->second->item;
    if (std::pair(there.version, there.writes) > std::pair(item->version, item->writes)) return;
    bytes_ += bytes - found->second->bytes;
    found->second->item = std::move(item);
    found->second->bytes = bytes;
  } else {
    entries_.push_front({lock, std::move(item), bytes, 0});
    by_lock_.emplace(lock, entries_.begin());
    bytes_ += bytes;
  }
  while (bytes_ > most_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    by_lock_.erase(entries_.back().lock);
    entries_.pop_back();
  }
}

void Known::forget(const std::string& lock) {
  const std::scoped_lock guard(mutex_);
  const auto found = by_lock_.find(lock);
  if (found == by_lock_.end()) return;
  bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  by_lock_.erase(found);
}

void Known::moved(const std::string& lock, locks::Version up_to) {
  const std::scoped_lock guard(mutex_);
  const auto found = by_lock_.find(lock);
  if (found != by_lock_.end()) found->second->moved = std::max(found->second->moved, up_to);
}

locks::Version Known::moved(const std::string& lock) {
  const std::scoped_lock guard(mutex_);
  const auto found = by_lock_.find(lock);
  return found == by_lock_.end() ? 0 : found->second->moved;
}

}  // namespace lockkeeper::stores::dynamodb
