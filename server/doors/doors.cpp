#include "server/doors/doors.h"

#include "server/doors/lockd.h"
#include "server/doors/locker.h"
#include "server/doors/shared_lock.h"
#include "server/doors/workflow.h"

namespace lockkeeper::server {
namespace {

template <class Kind>
std::unique_ptr<Door> make(FrontDesk& desk) {
  return std::make_unique<Kind>(desk);
}

constexpr DoorKind kinds[] = {
    {"locker", "/native", make<LockerDoor>, LockerDoor::routes},
    {"lockd", "/lockd", make<LockdDoor>, LockdDoor::routes},
    {"shared-lock", "/shared-lock", make<SharedLockDoor>, SharedLockDoor::routes},
    {"workflow", "/workflow", make<WorkflowDoor>, WorkflowDoor::routes},
};

}  // namespace

std::span<const DoorKind> door_kinds() {
  return kinds;
}

}  // namespace lockkeeper::server
