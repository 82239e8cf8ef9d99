// Which doors there are: their names, and where each is on the main listener.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "server/doors/door.h"

namespace lockkeeper::server {

struct DoorKind {
  std::string_view name;    // "locker", as --door, the log, history and the metrics call it
  std::string_view prefix;  // "/native": on the main listener, and on those of all doors if it is the native one
  std::unique_ptr<Door> (*make)(FrontDesk& desk);
  std::span<const Route> (*routes)();
};

// The first is the native door.
std::span<const DoorKind> door_kinds();

// What the options say of one.
struct DoorChoice {
  bool open = true;                       // false: --door NAME=off
  std::vector<http::Endpoint> endpoints;  // its own listeners
};

}  // namespace lockkeeper::server
