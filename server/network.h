// What this machine's network can do.
#pragma once

namespace lockkeeper::server {

// Many containers have no IPv6 at all, where binding [::] would keep the server from starting.
bool has_ipv6();

}  // namespace lockkeeper::server
