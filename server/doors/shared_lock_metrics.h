// What the original shared-lock exported, under its names, so that dashboards go on (compat: shared-lock, fact 10).
// The door owns one, counts its requests in it, and hands families() to FrontDesk::add_metrics().
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/metrics_page.h"

namespace lockkeeper::server {

class SharedLockMetrics {
 public:
  enum class Operation { get, prolong };  // POST /lease, POST /keepalive
  // Of get: created (201), accepted (202), error (500). Of prolong: success (200), failure (204, 500). As there,
  // nothing counts malformed leases.
  enum class Status { created, accepted, error, success, failure };

  // Any thread. `took`: from the request's first byte to its answer.
  void counted(Operation operation, Status status, std::chrono::nanoseconds took) noexcept;

  std::vector<http::Family> families() const;

 private:
  static constexpr std::array<double, 10> bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};  // seconds

  std::array<std::array<std::atomic<std::uint64_t>, 5>, 2> operations_{};
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> grants_{};
  std::atomic<std::uint64_t> granting_{0};  // nanoseconds in all
};

}  // namespace lockkeeper::server
