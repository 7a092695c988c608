#pragma once
/// \file
/// Float64 dot products, for the references of matrix products.

#include <cmath>
#include <cstddef>

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

/// Where each sum has one term, a weight that is rounded to f16.
inline constexpr Tolerance kOneWeight = {.absolute = 0x1p-25, .magnitude = 0x1.01p-11};

/// Where weights are sums of terms that cancel, decoded and accumulated in f32.
inline constexpr Tolerance kCancellingWeights = {.magnitude = 8 * 0x1p-24};

/// Where only the accumulation in f32 is rounded.
inline Tolerance f32_accumulation(std::size_t k) {
  return {.absolute = 1e-6, .magnitude = 4 * std::sqrt(static_cast<double>(k)) * 0x1p-24};
}

}  // namespace anymetal::cases
