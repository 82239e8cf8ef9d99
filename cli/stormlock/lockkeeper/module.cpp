#include "cli/stormlock/lockkeeper/lockkeeper_backend.h"
#include "cli/stormlock/lockkeeper/lockkeeper_section.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = [](const Section& section) -> std::unique_ptr<Backend> {
  return std::make_unique<LockkeeperBackend>(read_lockkeeper_section(section), section.called());
}};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
