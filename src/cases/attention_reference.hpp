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
    if (scores[j] == -kInfinity) continue;  // whatever its value holds
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

/// A score held within +-softcap; as it is where that is 0.
inline double soft_capped(double score, double softcap) {
  return softcap > 0 ? softcap * std::tanh(score / softcap) : score;
}

/// Attention [heads, dim]. `scores(h)`: of head h's keys, -inf where unseen; `value(h, j)` points to row j of its V.
template <class Scores, class Value>
std::vector<double> attend_heads(std::size_t heads, std::size_t dim, Scores scores, Value value) {
  std::vector<double> out(heads * dim);
  for (std::size_t h = 0; h < heads; ++h) {
    attend(
        scores(h), [&](std::size_t j) { return value(h, j); }, dim, &out[h * dim]);
  }
  return out;
}

/// What flash_attn_vec leaves for its reduction when `parts` threadgroups share the keys: sums that are not normalised,
/// then each one's sum and maximum of weights. `scores(h, w)`: of head h's keys, -inf for those that threadgroup w does
/// not take.
template <class Scores, class Value>
std::vector<double> partial_attention(std::size_t heads, std::size_t dim, std::size_t parts, Scores scores,
                                      Value value) {
  std::vector<double> out(heads * parts * (dim + 2)), normed(dim);
  for (std::size_t h = 0; h < heads; ++h) {
    for (std::size_t w = 0; w < parts; ++w) {
      const std::vector<double> own = scores(h, w);
      double top = -0x1.fffffep+126, sum = 0;  // half of the most negative float where there is no key
      for (const double score : own) top = std::max(top, score);
      for (const double score : own) sum += std::exp(score - top);
      attend(
          own, [&](std::size_t j) { return value(h, j); }, dim, normed.data());
      for (std::size_t d = 0; d < dim; ++d) out[((h * (dim / 4) + d / 4) * parts + w) * 4 + d % 4] = normed[d] * sum;
      out[heads * dim * parts + (h * parts + w) * 2] = sum;
      out[heads * dim * parts + (h * parts + w) * 2 + 1] = top;
    }
  }
  return out;
}

}  // namespace anymetal::cases
