// All chance of a run comes out of one of these, so a seed says everything. xoshiro256** seeded by splitmix64
// (Blackman, Vigna): the same numbers with every compiler and library, which std:: distributions don't promise.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  std::uint64_t below(std::uint64_t bound) { return next() % bound; }  // bound is small: the bias does not matter
  bool chance(unsigned in_a_thousand) { return in_a_thousand != 0 && below(1000) < in_a_thousand; }

  Time between(Time low, Time high) {
    if (high <= low) return low;
    return low + Time(static_cast<Time::rep>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }
  // Short ones as likely as long ones: each doubling from `low` to `high` has the same chance.
  Time stretched(Time low, Time high) {
    int doublings = 0;
    while (low * (std::int64_t{1} << doublings) < high) ++doublings;
    const auto chosen = static_cast<int>(below(static_cast<std::uint64_t>(doublings) + 1));
    const Time base = low * (std::int64_t{1} << chosen);
    return between(base, base * 2);
  }

  template <class Container>
  const auto& pick(const Container& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace lockkeeper::simulation
