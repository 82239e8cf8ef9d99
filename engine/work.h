// One operation under way at the store, with what has to be done when it is back. Pooled: a command costs no
// allocation beyond what its record needs.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "engine/calls.h"
#include "engine/store.h"

namespace lockkeeper::engine {

struct Slot;

using SteadyTime = std::chrono::steady_clock::time_point;

struct Work {
  Operation operation;         // operation.owner is this Work
  Slot* slot = nullptr;        // whose read, commit or prune it is; nullptr: no lock's
  Calls calls;                 // answered when it is back; of a commit, their outcomes stand already
  std::size_t waiting = 0;     // of a read: how many calls were in the line when it began
  locks::Version version = 0;  // of a history read: the lock's when it began
  std::size_t grants = 0;      // of a commit
  std::size_t lapses = 0;      // likewise
  bool chore = false;          // a scan of the engine's own
  bool census = false;         // likewise
  bool was_held = false;       // of a commit: the lock, before it
  SteadyTime begun;
  SteadyTime first;           // of a commit that is begun again (unknown.cpp): when it was first
  SteadyTime again;           // likewise: when it is
  std::uint64_t unknown = 0;  // likewise: its number
  std::chrono::milliseconds pause{0};
  bool given_up = false;  // likewise: its callers were told
  Work* of = nullptr;     // of a history read: the commit whose fate it tells
  std::string unheard;    // likewise: the claim of which it tells whose it is
  bool overdue = false;
  Work* older = nullptr;  // neighbours in Flights
  Work* newer = nullptr;
};

class WorkPool {
 public:
  Work& take() {
    if (free_ == nullptr) {
      Work& fresh = all_.emplace_back();
      fresh.operation.owner = &fresh;
      return fresh;
    }
    Work& work = *free_;
    free_ = std::exchange(work.newer, nullptr);
    return work;
  }

  // Keeps the question, since a commit's strings have room for the next one.
  void give_back(Work& work) {
    work.operation.answer.emplace<std::monostate>();
    work.operation.next = nullptr;
    work.slot = nullptr;
    work.waiting = work.grants = work.lapses = 0;
    work.chore = work.census = work.was_held = false;
    work.version = 0;
    work.unknown = 0;
    work.pause = {};
    work.of = nullptr;
    work.unheard.clear();
    work.overdue = work.given_up = false;
    work.older = nullptr;
    work.newer = std::exchange(free_, &work);
  }

 private:
  std::deque<Work> all_;
  Work* free_ = nullptr;
};

// Work under way by age. The deadline is the same for all, so the oldest is the first to be overdue.
class Flights {
 public:
  Work* oldest() const { return oldest_; }
  std::size_t size() const { return size_; }

  void add(Work& work) {
    work.older = newest_;
    work.newer = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->newer) = &work;
    newest_ = &work;
    ++size_;
  }

  void remove(Work& work) {
    (work.older == nullptr ? oldest_ : work.older->newer) = work.newer;
    (work.newer == nullptr ? newest_ : work.newer->older) = work.older;
    work.older = work.newer = nullptr;
    --size_;
  }

 private:
  Work* oldest_ = nullptr;
  Work* newest_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lockkeeper::engine
