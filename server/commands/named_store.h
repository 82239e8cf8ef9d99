// Stores as the words of a command name them.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/options.h"

namespace lockkeeper::server {

// The words of a command make no sense.
class CommandError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Whether a word is a flag, and takes it away.
bool take_flag(std::vector<std::string>& words, const std::string& flag);

// A store's text for each of `variables`: from the words, in that order; where there are fewer words, those that
// the environment has under its variable's name are not among them. A word never has a password in it.
std::vector<std::string> take_stores(std::vector<std::string> words, const Environment& environment,
                                     const std::vector<std::string>& variables);

}  // namespace lockkeeper::server
