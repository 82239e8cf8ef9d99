#include "cli/stormlock/lease_id.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

std::string new_lease_id() {
  std::array<char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw BackendError("no random numbers: " + std::generic_category().message(errno));
  }
  return {bytes.data(), bytes.size()};
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace lockkeeper::cli::stormlock
