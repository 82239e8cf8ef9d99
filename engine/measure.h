// Numbers that one thread writes and any thread reads: counters and distributions.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

namespace lockkeeper::engine {

// What was measured, for who shows it. counts[i]: values of at most bounds[i], and greater than the bound before;
// the last one, which has no bound: greater than all.
struct Distribution {
  std::span<const double> bounds;
  std::vector<std::uint64_t> counts;  // one more than bounds
  double sum = 0;
};

inline constexpr std::array<double, 12> commit_seconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                          0.01,   0.025,   0.05,   0.1,   0.5,    2};
inline constexpr std::array<double, 11> batch_changes = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
// Of waits and holds.
inline constexpr std::array<double, 12> long_seconds = {0.01, 0.1, 1,    5,     15,    60,
                                                        300,  900, 3600, 14400, 43200, 86400};

template <const auto& Bounds>
class Measure {
 public:
  void add(double value) {
    std::size_t at = 0;
    while (at < Bounds.size() && value > Bounds[at]) ++at;
    bump(counts_[at], std::uint64_t{1});
    bump(sum_, value);
  }

  Distribution read() const {
    Distribution read;
    read.bounds = Bounds;
    for (const auto& count : counts_) read.counts.push_back(count.load(std::memory_order_relaxed));
    read.sum = sum_.load(std::memory_order_relaxed);
    return read;
  }

 private:
  template <class Number>
  static void bump(std::atomic<Number>& number, Number by) {
    number.store(number.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);  // one writer
  }

  std::array<std::atomic<std::uint64_t>, std::tuple_size_v<std::remove_cvref_t<decltype(Bounds)>> + 1> counts_{};
  std::atomic<double> sum_ = 0;
};

}  // namespace lockkeeper::engine
