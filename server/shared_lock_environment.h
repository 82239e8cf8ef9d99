// The variables of the original shared-lock (its README's table): each is an option of this server's, or is refused
// with what replaces it, so that no setting is lost in silence.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lockkeeper::server {

struct SharedLockSettings {
  std::optional<std::uint16_t> port;                       // of the door's own listener
  std::vector<std::pair<std::string, std::string>> flags;  // without dashes, and their values
};

// A sentence for the operator when one is refused or cannot be understood. An empty variable is none; those that
// the original did not know are not looked at.
std::variant<SharedLockSettings, std::string> read_shared_lock_environment(
    const std::map<std::string, std::string>& environment);

}  // namespace lockkeeper::server
