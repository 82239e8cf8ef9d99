#include "server/doors/doors.h"

#include "server/doors/locker.h"

namespace lockkeeper::server {
namespace {

template <class Kind>
std::unique_ptr<Door> make(FrontDesk& desk) {
  return std::make_unique<Kind>(desk);
}

constexpr DoorKind kinds[] = {
    {"locker", "/native", make<LockerDoor>, LockerDoor::routes},
};

}  // namespace

std::span<const DoorKind> door_kinds() {
  return kinds;
}

}  // namespace lockkeeper::server
