#include "cli/stormlock/postgresql/postgresql_backend.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = make_postgresql_backend};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
