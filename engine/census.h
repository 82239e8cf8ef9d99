// How many locks are held. Counted once, in slices, by the store's order of names, while commits go on; from there
// on each commit says what it changes. Over a store that others change too it is counted again and again instead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/store.h"

namespace lockkeeper::engine {

class Census {
 public:
  explicit Census(bool exclusive);

  Scan next_slice() const;
  // Whether more slices follow. nullptr: the store did not say; the same slice is next.
  bool counted(const Scanned* slice);
  // A commit of this engine is durable.
  void committed(const std::string& lock, bool was_held, bool is_held);

  const std::optional<std::uint64_t>& held() const { return held_; }

 private:
  bool exclusive_;
  std::string to_;  // those up to here are counted
  std::int64_t sum_ = 0;
  bool through_ = false;
  std::map<std::string, bool> meanwhile_;  // behind to_, while a slice is on its way: held or not, by now
  std::optional<std::uint64_t> held_;
};

}  // namespace lockkeeper::engine
