#pragma once
/// \file
/// Root-mean-square normalisation and its fusions. Tensors are f32 where nothing else is said; every op fails with
/// InvalidArgument on a shape or type it cannot take. row_norms.hpp has more of them.

#include "ops/context.hpp"
#include "ops/rope.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = x / sqrt(mean(x^2) + eps) * weight, per row. x, out [.., D] f32, f16 or bf16; weight [D] of
/// the same type, f32 for f16. `out` may be `x`.
Result<void> rms_norm(Context& context, const Tensor& x, const Tensor& weight, float eps, const Tensor& out);

/// out = residual + rms_norm(x) * weight, per row (Gemma's post-norms). All f32 or all bf16. `out` may be `residual`,
/// f32 also `x`.
Result<void> norm_add(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight, float eps,
                      const Tensor& out);

/// out = rms_norm(residual + x) * weight; where `sum` is defined it receives residual + x.
Result<void> residual_norm(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight, float eps,
                           const Tensor& out, const Tensor& sum = {});

/// Per head: rms_norm(x) * weight, then rotary embedding. x, out [S, H, D]; weight [D]; positions u32 [S]. `out` may be
/// `x`.
Result<void> head_norm_rope(Context& context, const Tensor& x, const Tensor& weight, const Tensor& positions,
                            const Rope& rope, float eps, const Tensor& out);

}  // namespace anymetal::ops
