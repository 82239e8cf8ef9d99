#include "cli/stormlock/mysql/mysql_backend.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = make_mysql_backend};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
