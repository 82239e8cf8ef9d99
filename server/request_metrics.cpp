#include "server/request_metrics.h"

#include <algorithm>
#include <array>

namespace lockkeeper::server {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

// What doors and listener answer, as columns of one row a route; whatever else a door may find is counted too.
constexpr unsigned known_codes[] = {0,   200, 201, 202, 204, 301, 303, 304, 307, 308, 400, 401, 403,
                                    404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417,
                                    422, 423, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 507};
constexpr std::size_t other_code = std::size(known_codes);
constexpr std::size_t codes = other_code + 1;

constexpr auto column_of_code = [] {
  std::array<std::uint8_t, 600> columns{};
  columns.fill(other_code);
  for (std::size_t i = 0; i < std::size(known_codes); ++i) columns[known_codes[i]] = static_cast<std::uint8_t>(i);
  return columns;
}();

std::size_t column(unsigned status) {
  return status < column_of_code.size() ? column_of_code[status] : other_code;
}

constexpr std::array<double, 18> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,    0.25,    0.5,    1,     2.5,    5,     10,   60,    600};
constexpr auto bounds_in_ns = [] {
  std::array<std::int64_t, bounds.size()> result{};
  for (std::size_t i = 0; i < bounds.size(); ++i) result[i] = static_cast<std::int64_t>(bounds[i] * 1e9 + 0.5);
  return result;
}();
// Of one histogram: a count a bucket, one for what lies above, and the nanoseconds in all.
constexpr std::size_t histogram_numbers = bounds.size() + 2;

// Where only one thread writes; a locked addition would be ten times as dear.
void add_alone(std::atomic<std::uint64_t>& number, std::uint64_t by) {
  number.store(number.load(relaxed) + by, relaxed);
}

std::string code_text(std::size_t column) {
  return column == other_code ? "other" : std::to_string(known_codes[column]);
}

}  // namespace

RequestMetrics::RequestMetrics() : doors_{"none"}, slots_{{"none", 0}}, faults_(codes) {}

std::uint32_t RequestMetrics::add(std::string_view door, std::span<const Route> routes) {
  for (std::size_t mark = 1; mark < slots_.size(); ++mark) {
    if (doors_[slots_[mark].door] == door) return static_cast<std::uint32_t>(mark);
  }
  const auto first = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back({"none", doors_.size()});
  for (const Route& route : routes) {
    slots_.push_back({std::string(route.method) + " " + std::string(route.pattern), doors_.size()});
  }
  doors_.emplace_back(door);
  return first;
}

void RequestMetrics::start(std::size_t io_threads) {
  const std::size_t numbers = first_of(doors_.size(), false);
  for (std::size_t io = 0; io < io_threads; ++io) boards_.emplace_back(numbers);
}

// A board is a row of codes for each mark, then two histograms for each door.
std::size_t RequestMetrics::first_of(std::size_t door, bool waits) const noexcept {
  return slots_.size() * codes + (door * 2 + (waits ? 1 : 0)) * histogram_numbers;
}

void RequestMetrics::count(std::size_t io, std::uint32_t mark, unsigned status, bool waits,
                           std::chrono::nanoseconds took) noexcept {
  if (io >= boards_.size()) return;
  if (mark >= slots_.size()) mark = 0;
  Board& board = boards_[io];
  add_alone(board.at(mark * codes + column(status)), 1);
  const std::size_t first = first_of(slots_[mark].door, waits);
  const std::int64_t nanoseconds = std::max<std::int64_t>(took.count(), 0);
  const auto bucket =
      std::lower_bound(bounds_in_ns.begin(), bounds_in_ns.end(), nanoseconds) - bounds_in_ns.begin();
  add_alone(board.at(first + static_cast<std::size_t>(bucket)), 1);
  add_alone(board.at(first + bounds.size() + 1), static_cast<std::uint64_t>(nanoseconds));
}

void RequestMetrics::count_fault(unsigned status) noexcept {
  faults_.at(column(status)).fetch_add(1, relaxed);
}

std::uint64_t RequestMetrics::total(std::size_t number) const {
  std::uint64_t sum = 0;
  for (const Board& board : boards_) sum += board.at(number).load(relaxed);
  return sum;
}

std::vector<http::Family> RequestMetrics::families() const {
  return {requests(), durations(), broken()};
}

http::Family RequestMetrics::requests() const {
  http::Family family{"lockkeeper_http_requests_total",
                      "Requests answered, by door, route and status code; 0: the client left before its answer.",
                      http::MetricType::counter,
                      {},
                      {}};
  for (std::size_t mark = 0; mark < slots_.size(); ++mark) {
    for (std::size_t code = 0; code < codes; ++code) {
      std::uint64_t value = total(mark * codes + code);
      if (mark == 0 && code != column(0)) value += faults_.at(code).load(relaxed);
      // One sample for each code at each route would be a thousand that stay at nothing.
      if (value == 0) continue;
      family.samples.push_back(
          {{{"door", doors_[slots_[mark].door]}, {"route", slots_[mark].route}, {"code", code_text(code)}},
           static_cast<double>(value)});
    }
  }
  return family;
}

http::Family RequestMetrics::durations() const {
  http::Family family{"lockkeeper_http_request_duration_seconds",
                      "From a request's first byte to its answer's last, by door, and by whether it asked to wait.",
                      http::MetricType::histogram,
                      {},
                      {}};
  for (std::size_t door = 0; door < doors_.size(); ++door) {
    for (const bool waits : {false, true}) {
      const std::size_t first = first_of(door, waits);
      http::HistogramSample sample{
          {{"door", doors_[door]}, {"wait", waits ? "yes" : "no"}}, {bounds.begin(), bounds.end()}, {}, 0};
      for (std::size_t bucket = 0; bucket <= bounds.size(); ++bucket)
        sample.counts.push_back(total(first + bucket));
      sample.sum = static_cast<double>(total(first + bounds.size() + 1)) / 1e9;
      family.histograms.push_back(std::move(sample));
    }
  }
  return family;
}

http::Family RequestMetrics::broken() const {
  return {"lockkeeper_http_broken_connections_total",
          "Connections that broke within a request, or failed to agree on TLS.",
          http::MetricType::counter,
          {{{}, static_cast<double>(faults_.at(column(0)).load(relaxed))}},
          {}};
}

}  // namespace lockkeeper::server
