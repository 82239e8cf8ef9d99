#include "cli/stormlock/redis/redis_backend.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = make_redis_backend};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
