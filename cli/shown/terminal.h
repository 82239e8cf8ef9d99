// What a descriptor leads to: a terminal, how wide it is, whether it takes colours.
#pragma once

#include <cstddef>

#include "cli/environment.h"

namespace lockkeeper::cli {

struct Terminal {
  bool is_one = false;
  bool rewrites = false;  // understands "\r" and "\x1b[K": TERM says that it is more than a typewriter
  bool colours = false;   // and nobody has set NO_COLOR (no-color.org)
  std::size_t width = 0;  // columns; 0: no limit, as in a file
};

// COLUMNS counts more than what the terminal says of itself.
Terminal terminal_of(int descriptor, const Environment& environment);

}  // namespace lockkeeper::cli
