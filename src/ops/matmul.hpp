#pragma once
/// \file
/// Matrix products with dense or block-quantised weights.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out[m, n] = sum over k of weight[n, k] * x[m, k]. weight [N, K] of any type `can_multiply` accepts; x [M, K] and
/// out [M, N] f32. Rows of `x` may be strided. Chooses between mat-vec (small M) and mat-mat kernels.
Result<void> mul_mat(Context& context, const Tensor& weight, const Tensor& x, const Tensor& out);

/// Whether `mul_mat` has kernels for weights of this type.
[[nodiscard]] bool can_multiply(DType weight);

}  // namespace anymetal::ops
