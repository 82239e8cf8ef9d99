// What lockd's HTTP says to an outcome: pure. The texts are the original's (compat: lockd, facts 2 and 3); who sent
// a field of ours is told more.
#pragma once

#include "http/listener.h"
#include "server/doors/lockd_request.h"

namespace lockkeeper::server {

http::Response lockd_reply(const LockdQuestion& question, const locks::Outcome& outcome);
// Not asked of the engine, since nothing can be held under that name.
http::Response lockd_not_found(const LockdQuestion& question);

}  // namespace lockkeeper::server
