// What the program does besides serving: `lockkeeper copy`, `lockkeeper schema`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/options.h"

namespace lockkeeper::server {

// The process's exit code, when the first argument is a command's name; all has been said by then.
std::optional<int> run_command(const std::vector<std::string>& arguments, const Environment& environment);

// Each throws CommandError for words that make no sense.
int run_copy(std::vector<std::string> words, const Environment& environment);
int run_schema(std::vector<std::string> words, const Environment& environment);

}  // namespace lockkeeper::server
