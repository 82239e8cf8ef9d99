#include "server/grpc_module.h"

#include "server/module.h"
#include "server/open_store.h"

namespace lockkeeper::server {

std::unique_ptr<GrpcDoor> open_grpc_door(GrpcDesk& desk, const GrpcSettings& settings) {
  const std::string option = "--door " + std::string(grpc_door);
  const Module module(
      "lockkeeper-grpc.so", option,
      "the gRPC service is a part of its own: target lockkeeper_grpc, image server-grpc; its libraries "
      "come with Debian's packages libgrpc++1.51 and libprotobuf-lite32",
      grpc_door_version);
  const auto factory = module.symbol<GrpcDoorFactory>(grpc_door_factory);
  try {
    return std::unique_ptr<GrpcDoor>(factory(desk, settings));
  } catch (const std::exception& error) {
    throw StartError(option + ": " + error.what());
  }
}

}  // namespace lockkeeper::server
