#pragma once
/// \file
/// Float64 dot products, for the references of matrix products.

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <string>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Element (row, column) is the sum over i < k of a(row, column)[i] * b(row, column)[i], with the sum of absolute
/// products beside it. `a` and `b` give pointers.
template <class A, class B>
Expected products(std::size_t rows, std::size_t columns, std::size_t k, A a, B b) {
  Problem::Values values(rows * columns), magnitude(rows * columns);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const double* left = a(row, column);
      const double* right = b(row, column);
      double sum = 0, absolute = 0;
      for (std::size_t i = 0; i < k; ++i) {
        sum += left[i] * right[i];
        absolute += std::fabs(left[i] * right[i]);
      }
      values[row * columns + column] = sum;
      magnitude[row * columns + column] = absolute;
    }
  }
  return {std::move(values), std::move(magnitude)};
}

/// How batches of activations share batches of weights in two dimensions: r2 follow each other on one batch of weights,
/// and r3 runs over all of them do.
struct Batches {
  std::size_t weights = 1, r2 = 1, outer = 1, r3 = 1;
  [[nodiscard]] constexpr std::size_t inner() const { return weights * r2; }
  [[nodiscard]] constexpr std::size_t count() const { return inner() * outer * r3; }
  [[nodiscard]] constexpr std::size_t weight_count() const { return weights * outer; }
  /// The batch of weights that batch `b` of the activations multiplies.
  [[nodiscard]] constexpr std::size_t weight_of(std::size_t b) const {
    return b % inner() / r2 + b / inner() / r3 * weights;
  }
  /// "" for one batch, else "2*3" or, with both dimensions, "2*3x1*2".
  [[nodiscard]] std::string name() const {
    if (count() == 1) return "";
    const std::string first = fmt::format("{}*{}", weights, r2);
    return outer * r3 == 1 ? first : fmt::format("{}x{}*{}", first, outer, r3);
  }
};

/// Where each sum has one term, a weight that is rounded to f16.
inline constexpr Tolerance kOneWeight = {.absolute = 0x1p-25, .magnitude = 0x1.01p-11};

/// Where weights are sums of terms that cancel, decoded and accumulated in f32.
inline constexpr Tolerance kCancellingWeights = {.magnitude = 8 * 0x1p-24};

/// Where only the accumulation in f32 is rounded.
inline Tolerance f32_accumulation(std::size_t k) {
  return {.absolute = 1e-6, .magnitude = 4 * std::sqrt(static_cast<double>(k)) * 0x1p-24};
}

}  // namespace anymetal::cases
