#include "server/grpc_module.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "server/open_store.h"

namespace lockkeeper::server {
namespace {

constexpr const char* file_name = "lockkeeper-grpc.so";
const std::string option = "--door " + std::string(grpc_door) + ": ";

std::filesystem::path find_module() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path places[] = {program / file_name,
                                          (program / "../lib/lockkeeper" / file_name).lexically_normal()};
  for (const auto& place : places) {
    if (std::filesystem::exists(place, error)) return place;
  }
  throw StartError(option + "there is neither " + places[0].string() + " nor " + places[1].string() +
                   ": the gRPC service is a part of its own (target lockkeeper_grpc, image server-grpc)");
}

template <class Function>
Function symbol(void* module, const char* name, const std::filesystem::path& path) {
  void* const found = dlsym(module, name);
  if (found == nullptr) throw StartError(option + path.string() + " has no " + name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

std::unique_ptr<GrpcDoor> open_grpc_door(GrpcDesk& desk, const GrpcSettings& settings) {
  const auto path = find_module();
  // Never unloaded: gRPC has threads that outlive its servers.
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    throw StartError(option + dlerror() + " (its libraries come with Debian's packages libgrpc++1.51 and " +
                     "libprotobuf-lite32)");
  }
  const std::string version = symbol<GrpcDoorVersion>(module, grpc_door_version, path)();
  if (version != LOCKKEEPER_VERSION) {
    throw StartError(option + path.string() + " is of version " + version + ", this server of " +
                     LOCKKEEPER_VERSION);
  }
  const auto factory = symbol<GrpcDoorFactory>(module, grpc_door_factory, path);
  try {
    return std::unique_ptr<GrpcDoor>(factory(desk, settings));
  } catch (const std::exception& error) {
    throw StartError(option + error.what());
  }
}

}  // namespace lockkeeper::server
