// The files of deploy/completion/, which are compiled in.
#pragma once

#include <string_view>

namespace lockkeeper::cli::lockctl {

extern const std::string_view bash_script, zsh_script, fish_script;

}  // namespace lockkeeper::cli::lockctl
