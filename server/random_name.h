// Names that nobody else has, for claims and requests that a client did not name itself.
#pragma once

#include <string>

namespace lockkeeper::server {

// 128 bits of the operating system's generator, in hex. Throws std::system_error when it gives none.
std::string random_name();

}  // namespace lockkeeper::server
