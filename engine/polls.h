// Long polls that are open: acquisitions that queue, kept back until the lock is theirs or their time is over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "engine/call.h"
#include "engine/work.h"
#include "locks/decide.h"

namespace lockkeeper::engine {

struct Poll {
  Call* call = nullptr;
  Slot* slot = nullptr;
  std::uint64_t number = 0;
  bool settled = false;  // its place is committed
  bool left = false;     // its client is gone
};

// One lock's, by the claim's name. Those that are not settled are the change's that is in flight.
class OpenPolls final : public locks::Polls {
 public:
  bool open(const std::string& claim, const std::string& request) const override {
    const auto at = by_claim.find(claim);
    if (at == by_claim.end() || at->second.left) return false;
    const auto& command = std::get<locks::Command>(at->second.call->question);
    return std::get<locks::Acquire>(command.what).request == request;
  }

  std::map<std::string, Poll> by_claim;
  std::size_t unsettled = 0;  // of them
};

// All settled polls by when their time is over.
class PollEnds {
 public:
  void add(Poll& poll) { ends_.insert({poll.call->until, poll.number, &poll}); }
  void remove(Poll& poll) { ends_.erase({poll.call->until, poll.number, nullptr}); }
  std::size_t size() const { return ends_.size(); }
  template <class Do>
  void each(Do what) const {
    for (const End& end : ends_) what(*end.poll);
  }
  Poll* first() const { return ends_.empty() ? nullptr : ends_.begin()->poll; }

 private:
  struct End {
    SteadyTime until;
    std::uint64_t number;
    Poll* poll;
    bool operator<(const End& other) const {
      return until != other.until ? until < other.until : number < other.number;
    }
  };
  std::set<End> ends_;
};

}  // namespace lockkeeper::engine
