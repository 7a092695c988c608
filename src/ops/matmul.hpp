#pragma once
/// \file
/// Matrix products with dense or block-quantised weights.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out[b, m, n] = sum over k of weight[b / r, n, k] * x[b, m, k]. weight [N, K] or [B / r, N, K] of any type
/// `can_multiply` accepts; x [M, K] or [B, M, K] and out [B, M, N] f32, with one f16 matrix also both f16. Rows of `x`
/// may be strided. Chooses between mat-vec (small M), few-row and mat-mat kernels, and those on matrix hardware.
///
/// Mat-mat kernels round block-quantised weights to f16, on matrix hardware x too; bf16 weights of many rows round x to
/// bf16, f16 weights to f16 after scaling.
Result<void> mul_mat(Context& context, const Tensor& weight, const Tensor& x, const Tensor& out);

/// Whether `mul_mat` has kernels for weights of this type.
[[nodiscard]] bool can_multiply(DType weight);

}  // namespace anymetal::ops
