#pragma once

#include <memory>

#include "resource/world.h"

namespace lockkeeper::resource {

// The server of source.locker_uri. Its requests end when `interrupt` is raised. Throws as client::LockClient does.
std::unique_ptr<LockServer> remote_server(const Source& source, const http::Interrupt& interrupt);

}  // namespace lockkeeper::resource
