#include "cli/stormlock/dynamodb/dynamodb_backend.h"

namespace {

using namespace lockkeeper::cli::stormlock;

const BackendKind kind{.make = make_dynamodb_backend};

}  // namespace

LOCKKEEPER_STORMLOCK_BACKEND(kind)
