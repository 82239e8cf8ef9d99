#include "cli/stormlock/backend_module.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "stores/shared_object.h"

namespace lockkeeper::cli::stormlock {
namespace {

constexpr std::array<std::string_view, 6> names = {"dynamodb", "etcd",       "lockkeeper",
                                                   "mysql",    "postgresql", "redis"};

}  // namespace

std::unique_ptr<Backend> load_backend(const std::string& name, const Section& section) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string known;
    for (const auto one : names)
      known += (known.empty() ? "" : one == names.back() ? " or " : ", ") + std::string(one);
    throw ConfigError("backend = " + name + " is unknown: say " + known);
  }
  try {
    const stores::SharedObject module(
        "lockkeeper-stormlock-" + name + ".so", "backend = " + name,
        name == "etcd" ? "it comes with the package lockkeeper-grpc" : "it comes with the package lockkeeper-tools",
        backend_version_symbol);
    return module.symbol<BackendKindFunction>(backend_kind_symbol)()->make(section);
  } catch (const stores::SharedObjectError& error) {
    throw BackendError(error.what());
  }
}

}  // namespace lockkeeper::cli::stormlock
