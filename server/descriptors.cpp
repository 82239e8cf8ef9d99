#include "server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace lockkeeper::server {
namespace {

// The store's files, the log, listening sockets, and some clients that are only told that they are too many.
constexpr std::size_t for_others = 64;
constexpr std::size_t of_an_io_thread = 3;  // epoll, timer, wake-up

}  // namespace

// The soft limit is 1024 almost everywhere, for the sake of programs that use select().
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur;
}

std::size_t connections_that_fit(std::size_t wanted, std::size_t descriptors, std::size_t io_threads) {
  const std::size_t others = for_others + io_threads * of_an_io_thread;
  return std::min(wanted, descriptors > others ? descriptors - others : 1);
}

}  // namespace lockkeeper::server
