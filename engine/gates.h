// Released gates that this engine knows of, in the order in which it came to know of them, and who waits for more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/calls.h"
#include "engine/work.h"
#include "locks/record.h"

namespace lockkeeper::engine {

class Gates {
 public:
  // `source` begins the cursors: one of another engine is told by it.
  explicit Gates(std::string source) : source_(std::move(source)) {}

  // A gate as it is now, by its record's name; nullptr: it is not there.
  void saw(const std::string& name, const locks::Gate* gate);
  // A pass over all that are released: those that it does not see are so no longer.
  void pass_begins() { ++pass_; }
  void seen(const std::string& name);
  std::vector<std::string> not_seen() const;
  GatesRead read(const ReadGates& question) const;
  std::size_t size() const { return by_number_.size(); }

  // Calls that wait. A call's `until` is set.
  void park(Call& call);
  Call* unpark(const Call* call);  // only compared; nullptr: it is not there
  std::size_t waiting() const { return waiting_.size(); }
  Call* first_to_end() const { return waiting_.empty() ? nullptr : waiting_.begin()->second; }
  // All of them, if there is news since this was asked last.
  Calls woken();
  Calls take_all();

 private:
  struct Released {
    std::string id;
    locks::Gate gate;
    std::uint64_t seen;  // in that pass
  };
  const std::string source_;
  std::map<std::uint64_t, Released> by_number_;
  std::unordered_map<std::string, std::uint64_t> numbers_;  // by record's name
  std::uint64_t last_ = 0;
  std::uint64_t pass_ = 0;
  bool news_ = false;
  std::set<std::pair<SteadyTime, Call*>> waiting_;
  std::unordered_map<const Call*, SteadyTime> ends_;  // of them
};

}  // namespace lockkeeper::engine
