// What shared-lock's dialect says to an outcome: pure. Of its texts and headers those that its clients can see are
// the original's (compat: shared-lock).
#pragma once

#include <string>
#include <string_view>

#include "http/listener.h"
#include "locks/outcome.h"

namespace lockkeeper::server {

// `id`: of the lease that was asked for.
http::Response lease_reply(std::string_view lock, const std::string& id, const locks::Outcome& outcome);
http::Response keepalive_reply(const locks::Outcome& outcome);

// To a body that is not the JSON of a lease.
http::Response unreadable_lease_reply();

}  // namespace lockkeeper::server
