#include "server/network.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lockkeeper::server {

bool has_ipv6() {
  const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  const bool bound = bind(probe, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  close(probe);
  return bound;
}

}  // namespace lockkeeper::server
