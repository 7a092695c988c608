#pragma once
/// \file
/// Rotary position embedding in float64.

#include <cmath>
#include <cstddef>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Turns elements i and j of `e` by `angle`. Their magnitude becomes what an error of the angle, which grows with it,
/// can move.
inline void turn(Expected& e, std::size_t i, std::size_t j, double angle) {
  const double a = e.values[i], b = e.values[j];
  e.values[i] = a * std::cos(angle) - b * std::sin(angle);
  e.values[j] = b * std::cos(angle) + a * std::sin(angle);
  e.magnitude[i] = e.magnitude[j] = (std::fabs(a) + std::fabs(b)) * (1 + std::fabs(angle));
}

/// position / theta^(2i/dim).
inline double rope_angle(double position, std::size_t i, std::size_t dim, double theta) {
  return position / std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(dim));
}

}  // namespace anymetal::cases
