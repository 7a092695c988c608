#pragma once
/// \file
/// Attention in float64, as plainly as the formula.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// softmax(scores) * V of one query; zeros where every score is -inf. `value(j)` points to row j of V.
template <class Value>
void attend(const std::vector<double>& scores, Value value, std::size_t dim, double* out) {
  double top = -kInfinity, sum = 0;
  for (const double s : scores) top = std::max(top, s);
  std::fill_n(out, dim, 0.0);
  if (top == -kInfinity) return;
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const double weight = std::exp(scores[j] - top);
    sum += weight;
    for (std::size_t d = 0; d < dim; ++d) out[d] += weight * value(j)[d];
  }
  for (std::size_t d = 0; d < dim; ++d) out[d] /= sum;
}

inline double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace anymetal::cases
