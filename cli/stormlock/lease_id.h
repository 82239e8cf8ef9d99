// The ids of leases that a backend makes up itself.
#pragma once

#include <string>
#include <string_view>

namespace lockkeeper::cli::stormlock {

// 16 random bytes, of the system's generator. Throws BackendError.
std::string new_lease_id();
std::string to_hex(std::string_view bytes);  // lower case

}  // namespace lockkeeper::cli::stormlock
