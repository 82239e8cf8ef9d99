#include "server/random_name.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lockkeeper::server {

std::string random_name() {
  std::array<unsigned char, 16> bytes;
  // As few bytes as these come whole or not at all (getrandom(2)).
  while (getrandom(bytes.data(), bytes.size(), 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string name;
  for (const unsigned char byte : bytes) {
    name += "0123456789abcdef"[byte >> 4];
    name += "0123456789abcdef"[byte & 15];
  }
  return name;
}

}  // namespace lockkeeper::server
