#pragma once
/// \file
/// A matrix product once its shapes have been checked: what `mul_mat` hands to kernels.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out[b, m, n] = sum over k of weight[b / sharing, n, k] * x[b, m, k], b < batches.
struct Product {
  const Tensor& weight;
  const Tensor& x;
  const Tensor& out;
  std::size_t m, n, k;
  std::size_t batches = 1;
  std::size_t sharing = 1;  ///< activation batches of one weight batch

  /// Elements from one row of x to the next.
  [[nodiscard]] std::size_t x_row() const { return x.stride[x.rank - 2]; }
};

/// With dense weights: f32, f16 or bf16, or all of f16.
Result<void> dense_product(Context& context, const Product& product);

}  // namespace anymetal::ops
