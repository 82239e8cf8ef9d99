#include "server/grpc_module.h"

#include "server/open_store.h"
#include "stores/shared_object.h"

namespace lockkeeper::server {

std::unique_ptr<GrpcDoor> open_grpc_door(GrpcDesk& desk, const GrpcSettings& settings) {
  const std::string option = "--door " + std::string(grpc_door);
  try {
    const stores::SharedObject module(
        "lockkeeper-grpc.so", option,
        "the gRPC service is a part of its own: package lockkeeper-grpc, image server-grpc, target "
        "lockkeeper_grpc; its libraries come with Debian's packages libgrpc++1.51 and libprotobuf-lite32",
        grpc_door_version);
    const auto factory = module.symbol<GrpcDoorFactory>(grpc_door_factory);
    return std::unique_ptr<GrpcDoor>(factory(desk, settings));
  } catch (const stores::SharedObjectError& error) {
    throw StartError(error.what());
  } catch (const std::exception& error) {
    throw StartError(option + ": " + error.what());
  }
}

}  // namespace lockkeeper::server
