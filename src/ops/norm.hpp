#pragma once
/// \file
/// Root-mean-square normalisation and its fusions. All tensors f32; every op fails with InvalidArgument on a shape or
/// type it cannot take.

#include "ops/context.hpp"
#include "ops/rope.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = x / sqrt(mean(x^2) + eps) * weight, per row. x, out [.., D]; weight [D]. `out` may be `x`.
Result<void> rms_norm(Context& context, const Tensor& x, const Tensor& weight, float eps, const Tensor& out);

/// out = residual + rms_norm(x) * weight, per row (Gemma's post-norms). `out` may be `residual` or `x`.
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
