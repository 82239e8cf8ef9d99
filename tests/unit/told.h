// Commands, outcomes and records in a line of words: what tests compare, and print when they differ.
#pragma once

#include <string>

#include "locks/command.h"
#include "locks/outcome.h"
#include "locks/record.h"

namespace lockkeeper::test {

std::string told(const locks::Command& command);  // without `begun`
std::string told(const locks::Record& record);
// `others` of a grant by their number and holder only.
std::string told(const locks::Outcome& outcome);

}  // namespace lockkeeper::test
