// What a run found, and the story of it when somebody wants to read it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

// How often each kind of thing happened: a simulation in which nothing goes wrong proves nothing.
using Happenings = std::map<std::string_view, std::uint64_t>;

struct Verdict {
  std::optional<std::string> violation;  // the first one; the run ends with it
  std::uint64_t calls = 0;
  std::uint64_t commits = 0;
  std::uint64_t digest = 0;  // of all that happened, in order: two runs of a seed have the same
  Happenings happenings;
  std::string trace;  // empty unless asked for
};

// One line a happening. Costs nothing while off: `line` is called with a function that makes the text.
class Trace {
 public:
  Trace(bool on, const Time& now) : on_(on), now_(now) {}

  template <class Text>
  void line(Text text) {
    if (!on_) return;
    std::string stamp = std::to_string(now_.count() % 1'000'000);
    stamp.insert(0, 6 - stamp.size(), '0');
    text_ += std::to_string(now_.count() / 1'000'000) + '.' + stamp + "  " + text() + '\n';
  }

  // Told by everything that happens, trace or not.
  void count(std::uint64_t happening) { digest_ = (digest_ ^ happening) * 0x100000001b3; }  // FNV-1a

  bool on() const { return on_; }
  std::string take() { return std::move(text_); }
  std::uint64_t digest() const { return digest_; }

 private:
  const bool on_;
  const Time& now_;
  std::uint64_t digest_ = 0xcbf29ce484222325;
  std::string text_;
};

}  // namespace lockkeeper::simulation
