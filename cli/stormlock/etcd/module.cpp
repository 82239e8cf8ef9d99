#include "cli/stormlock/etcd/etcd_backend.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = make_etcd_backend};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
