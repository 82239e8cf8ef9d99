// Finds and loads the module with the gRPC service, which nothing else of the server links.
#pragma once

#include <memory>

#include "server/doors/grpc_door.h"

namespace lockkeeper::server {

// The module is beside the program, or in ../lib/lockkeeper as seen from there. Throws StartError.
std::unique_ptr<GrpcDoor> open_grpc_door(GrpcDesk& desk, const GrpcSettings& settings);

}  // namespace lockkeeper::server
