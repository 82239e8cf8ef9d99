// A whole simulated world: one run of one seed.
#pragma once

#include <cstdint>

#include "tests/simulation/planted_bug.h"
#include "tests/simulation/verdict.h"

namespace lockkeeper::simulation {

// The same arguments give the same verdict, to the letter; `traced` changes nothing but that there is a trace.
Verdict run(std::uint64_t seed, Bug bug = Bug::none, bool traced = false);

}  // namespace lockkeeper::simulation
