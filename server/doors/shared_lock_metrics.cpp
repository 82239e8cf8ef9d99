#include "server/doors/shared_lock_metrics.h"

#include <algorithm>
#include <string_view>

namespace lockkeeper::server {
namespace {

constexpr std::string_view operation_names[] = {"get", "prolong"};
constexpr std::string_view status_names[] = {"created", "accepted", "error", "success", "failure"};

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

void SharedLockMetrics::counted(Operation operation, Status status, std::chrono::nanoseconds took) noexcept {
  operations_[static_cast<std::size_t>(operation)][static_cast<std::size_t>(status)].fetch_add(1, relaxed);
  if (status != Status::created) return;
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  grants_[static_cast<std::size_t>(bucket)].fetch_add(1, relaxed);
  granting_.fetch_add(static_cast<std::uint64_t>(took.count()), relaxed);
}

std::vector<http::Family> SharedLockMetrics::families() const {
  http::Family operations{
      "shared_lock_lease_operations_total",
      "Leases asked for (get) and kept alive (prolong) at the shared-lock door, by what came of it.",
      http::MetricType::counter,
      {},
      {}};
  const auto add = [&](Operation operation, Status status, std::string_view name) {
    const auto row = static_cast<std::size_t>(operation);
    const auto value = operations_[row][static_cast<std::size_t>(status)].load(relaxed);
    operations.samples.push_back({{{"operation", std::string(operation_names[row])}, {"status", std::string(name)}},
                                  static_cast<double>(value)});
  };
  for (const Status status : {Status::created, Status::accepted, Status::error}) {
    add(Operation::get, status, status_names[static_cast<std::size_t>(status)]);
  }
  add(Operation::get, Status::error, "");  // the original counted a failed lease twice
  for (const Status status : {Status::success, Status::failure}) {
    add(Operation::prolong, status, status_names[static_cast<std::size_t>(status)]);
  }

  http::HistogramSample grants{{{"operation", "get"}}, {bounds.begin(), bounds.end()}, {}, 0};
  for (const auto& count : grants_) grants.counts.push_back(count.load(relaxed));
  grants.sum = static_cast<double>(granting_.load(relaxed)) / 1e9;
  http::Family took{"shared_lock_lease_grant_duration_seconds",
                    "How long the shared-lock door took to create a lease.",
                    http::MetricType::histogram,
                    {},
                    {std::move(grants)}};
  return {std::move(operations), std::move(took)};
}

}  // namespace lockkeeper::server
