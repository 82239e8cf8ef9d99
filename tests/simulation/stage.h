// What every part of a world shares: time, chance, the story so far, and whether something went wrong.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "tests/simulation/agenda.h"
#include "tests/simulation/call_book.h"
#include "tests/simulation/planted_bug.h"
#include "tests/simulation/profile.h"
#include "tests/simulation/random.h"
#include "tests/simulation/verdict.h"

namespace lockkeeper::simulation {

struct Stage {
  Stage(std::uint64_t seed, Bug planted, bool traced)
      : random(seed), profile(draw(random)), bug(planted), trace(traced, agenda.now()) {}

  Agenda agenda;
  Random random;
  Profile profile;
  const Bug bug;
  Trace trace;
  CallBook calls;
  bool faults = true;  // off at the end, when all must come to rest
  Happenings happenings;
  std::optional<std::string> violation;

  Moment next_moment() {
    trace.count(static_cast<std::uint64_t>(agenda.now().count()));
    return ++moment_;
  }

  // `what` is a literal.
  void happened(std::string_view what) { ++happenings[what]; }

  // The first is kept; the run ends at the next look. Never throws: engines call into the world noexcept.
  void fail(std::string what) {
    trace.line([&] { return "VIOLATION " + what; });
    if (!violation) violation = std::move(what);
  }

  // Whether the planted bug is this one, and shows now.
  bool shows(Bug which, unsigned in_a_thousand) { return bug == which && random.chance(in_a_thousand); }

 private:
  Moment moment_ = 0;
};

}  // namespace lockkeeper::simulation
