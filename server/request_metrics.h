// Counts requests by door, route and status. Each I/O thread has numbers of its own, which it alone writes, so that
// counting takes no lock and touches no cache line of another thread; a scrape adds them up.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/metrics_page.h"
#include "server/routes.h"

namespace lockkeeper::server {

class RequestMetrics {
 public:
  RequestMetrics();

  // Before start(). Returns the mark of requests at this door that fit no route; the one after it is that of the
  // first row of `routes`, and so on. The same for a door that was added before. Mark 0 is of requests at no door.
  std::uint32_t add(std::string_view door, std::span<const Route> routes);
  void start(std::size_t io_threads);

  // On that I/O thread. `status` 0: the client left before its answer. `waits`: it asked to wait, which tells
  // nothing of the server's speed.
  void count(std::size_t io, std::uint32_t mark, unsigned status, bool waits,
             std::chrono::nanoseconds took) noexcept;
  // What the listener answered by itself; 0: a connection that broke, or failed to agree on TLS. Any thread.
  void count_fault(unsigned status) noexcept;

  // Any thread.
  std::vector<http::Family> families() const;

 private:
  using Number = std::atomic<std::uint64_t>;

  struct alignas(64) Line {
    Number numbers[8] = {};
  };

  struct Slot {
    std::string route;  // "PUT /lock/{}"
    std::size_t door;
  };

  // Of one I/O thread.
  class Board {
   public:
    Board(std::size_t numbers) : lines_(numbers / 8 + 1) {}
    Number& at(std::size_t number) { return lines_[number / 8].numbers[number % 8]; }
    const Number& at(std::size_t number) const { return lines_[number / 8].numbers[number % 8]; }

   private:
    std::vector<Line> lines_;
  };

  std::size_t first_of(std::size_t door, bool waits) const noexcept;
  std::uint64_t total(std::size_t number) const;
  http::Family requests() const;
  http::Family durations() const;
  http::Family broken() const;

  std::vector<std::string> doors_;
  std::vector<Slot> slots_;  // by mark
  std::vector<Board> boards_;
  Board faults_;
};

}  // namespace lockkeeper::server
