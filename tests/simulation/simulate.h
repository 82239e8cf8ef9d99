// simulate [--seed N] [--histories N | --for 10m] [--bug NAME] [--trace] [--threads N] [--bugs]
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace lockkeeper::simulation {

// Returns the exit code: 0 all held, 1 a seed failed, 2 the arguments are wrong.
int simulate(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& error);

}  // namespace lockkeeper::simulation
