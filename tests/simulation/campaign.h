// Many seeds, one after the other, on a few threads; each thread has worlds of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/simulation/planted_bug.h"
#include "tests/simulation/verdict.h"

namespace lockkeeper::simulation {

struct Campaign {
  std::uint64_t first_seed = 1;
  std::uint64_t histories = UINT64_MAX;                                                        // at most
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();  // real time
  Bug bug = Bug::none;
  unsigned threads = 1;
};

struct Sum {
  std::uint64_t histories = 0;
  std::uint64_t calls = 0;
  std::uint64_t commits = 0;
  Happenings happenings;
  std::optional<std::uint64_t> failed_seed;  // the first one found; the campaign ends with it
};

Sum run(const Campaign& campaign);

// What to print for a seed that failed: what was violated, how to run it again, and with `traced` the whole story.
std::string report(std::uint64_t seed, Bug bug, bool traced);

}  // namespace lockkeeper::simulation
