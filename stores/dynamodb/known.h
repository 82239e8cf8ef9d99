// What this server last knew of locks' items, so that a commit is one request: it is conditional on the version and
// on the number of writes, under which an item never holds anything else. Any thread.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stores/dynamodb/lock_item.h"

namespace lockkeeper::stores::dynamodb {

class Known {
 public:
  // Of items; the ones that were not used for longest are forgotten.
  explicit Known(std::size_t most = 64 * 1024 * 1024) : most_(most) {}

  // nullptr: not known.
  std::shared_ptr<const LockItem> find(const std::string& lock);
  void remember(const std::string& lock, std::shared_ptr<const LockItem> item, std::size_t bytes);
  void forget(const std::string& lock);

  // Events up to that version are items of their own by now.
  void moved(const std::string& lock, locks::Version up_to);
  locks::Version moved(const std::string& lock);

 private:
  struct Entry {
    std::string lock;
    std::shared_ptr<const LockItem> item;
    std::size_t bytes = 0;
    locks::Version moved = 0;
  };

  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_lock_;
  std::size_t bytes_ = 0;
  const std::size_t most_;
};

}  // namespace lockkeeper::stores::dynamodb
