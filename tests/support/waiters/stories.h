// What the program `waiters` does to a server. Each story returns the exit code: 0, or 1 after a line that begins
// with "wrong".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lockkeeper::waiters {

struct Options {
  std::string story;
  std::uint16_t port = 0;
  std::size_t connections = 1;
  std::size_t locks = 1;
  std::chrono::milliseconds hold{0};
  std::chrono::milliseconds ttl{0};
  std::chrono::milliseconds within{0};
};

// Everybody waits for the lock `handed-over` under a claim of its own, holds it for `hold` and releases it; through
// any number of deaths of the server. A line a grant: "granted CLAIM TOKEN". Ends when everybody had the lock.
int hand_over(const Options& options);

// Everybody waits for one of the locks `cut-0` ...; a line "waiting N"; at a line of input all connections are cut,
// every second one with a reset; a line "cut N"; and so on until the input ends.
int cut_connections(const Options& options);

// Everybody takes a lease of `ttl` on a lock of its own, all in the time `within`, and waits for its end as the
// next who wants that lock. One line of JSON: how late that was, in milliseconds, and how many leases ended
// early by what history says.
int lapses(const Options& options);

}  // namespace lockkeeper::waiters
