#pragma once
/// \file
/// Deterministic test data.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace anymetal::cases {

/// A small generator (SplitMix64) with the same sequence on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform in [0, n).
  std::uint64_t below(std::uint64_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

/// Makes the value of element i.
using Fill = std::function<double(Random&, std::size_t i)>;

/// Normal with this mean and deviation.
[[nodiscard]] Fill normal(double mean = 0.0, double deviation = 1.0);
[[nodiscard]] Fill uniform(double low, double high);
/// Integers in [low, high].
[[nodiscard]] Fill integers(std::int64_t low, std::int64_t high);
[[nodiscard]] Fill constant(double value);
/// 0, 1, 2, ...
[[nodiscard]] Fill counting(double first = 0.0);
/// These values, repeated.
[[nodiscard]] Fill listed(std::vector<double> values);

}  // namespace anymetal::cases
