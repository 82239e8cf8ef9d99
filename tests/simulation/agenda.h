// What will happen, by time; at the same time, in the order it was written down.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

class Agenda {
 public:
  // `background`: goes on for ever by itself (ticks, disasters), so nobody waits for it.
  enum class Kind : std::uint8_t { matter, background };

  void at(Time when, std::function<void()> what, Kind kind = Kind::matter) {
    if (kind == Kind::matter) ++matters_;
    entries_.push_back({std::max(when, now_), ++written_, kind, std::move(what)});
    std::push_heap(entries_.begin(), entries_.end(), later);
  }
  void after(Time delay, std::function<void()> what, Kind kind = Kind::matter) {
    at(now_ + delay, std::move(what), kind);
  }

  // Something is still to come that is not background.
  bool pending() const { return matters_ > 0; }

  void next() {
    std::pop_heap(entries_.begin(), entries_.end(), later);
    Entry entry = std::move(entries_.back());
    entries_.pop_back();
    if (entry.kind == Kind::matter) --matters_;
    now_ = entry.when;
    entry.what();
  }

  const Time& now() const { return now_; }

 private:
  struct Entry {
    Time when;
    std::uint64_t written;
    Kind kind;
    std::function<void()> what;
  };
  static bool later(const Entry& one, const Entry& other) {
    return one.when != other.when ? one.when > other.when : one.written > other.written;
  }

  Time now_{0};
  std::uint64_t written_ = 0;
  std::uint64_t matters_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace lockkeeper::simulation
