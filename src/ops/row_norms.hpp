#pragma once
/// \file
/// Normalisation of rows without weight, with several weights or outputs, and in sums over experts. Tensors are f32
/// [.., D] where nothing else is said; every op fails with InvalidArgument on a shape or type it cannot take.
/// `rms_norm` is x / sqrt(mean(x^2) + eps) per row.

#include <array>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = rms_norm(x). f32 or bf16. `out` may be `x`.
Result<void> rms_norm_unweighted(Context& context, const Tensor& x, float eps, const Tensor& out);

/// out = rms_norm(x) * weight * factor. x, factor, out f32, f16 or bf16; weight [D] of the same type, f32 for f16.
/// `out` may be `x` or `factor`.
Result<void> rms_norm_mul(Context& context, const Tensor& x, const Tensor& weight, const Tensor& factor, float eps,
                          const Tensor& out);

/// out = x / sqrt(sum(x^2) + eps) per row (arXiv 2412.06464). f32, f16 or bf16. `out` may be `x`.
Result<void> l2_norm(Context& context, const Tensor& x, float eps, const Tensor& out);

/// out = rms_norm(x), copy = out in bf16, per head. x, out [S, H, D]; copy bf16 [S, H, D], or with `head_major` [H, S,
/// D]. `out` may be `x`.
Result<void> rms_norm_with_copy(Context& context, const Tensor& x, float eps, const Tensor& out, const Tensor& copy,
                                bool head_major = false);

/// out[i] = rms_norm(x) * weights[i] for three weights [D]. out[0] may be `x`; the outputs must differ.
Result<void> rms_norm_triple(Context& context, const Tensor& x, const std::array<Tensor, 3>& weights, float eps,
                             const std::array<Tensor, 3>& out);

/// out = (residual + rms_norm(x) * weight) * scale, scale [1] or [D]. `out` may be `residual` or `x`.
Result<void> norm_add_scaled(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight,
                             const Tensor& scale, float eps, const Tensor& out);

/// out = rms_norm(residual + x) * weight * scale, scale [1] or [D]. `out` may be `residual` or `x`.
Result<void> residual_norm_scaled(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight,
                                  const Tensor& scale, float eps, const Tensor& out);

/// sum = hidden + rms_norm(x) * weight; out[i] = rms_norm(sum) * weights[i]: what follows attention where experts, a
/// shared expert and a router each have their own norm. `sum` may be `hidden`; the four outputs must differ.
Result<void> post_attention_norms(Context& context, const Tensor& hidden, const Tensor& x, const Tensor& weight,
                                  const std::array<Tensor, 3>& weights, float eps, const Tensor& sum,
                                  const std::array<Tensor, 3>& out);

/// Weights of end_of_layer.
struct EndOfLayer {
  Tensor inner;  ///< [D]
  Tensor outer;  ///< [D]
  Tensor scale;  ///< [1] or [D]
  float eps = 1e-6f;
};

/// sum = attention + rms_norm(x) * weights.inner; out = (residual + rms_norm(sum) * weights.outer) * weights.scale.
/// `sum` may be `attention`, `out` may be `residual`.
Result<void> end_of_layer(Context& context, const Tensor& attention, const Tensor& x, const Tensor& residual,
                          const EndOfLayer& weights, const Tensor& sum, const Tensor& out);

/// out = residual + rms_norm(v) * weight, v[r] = sum over k of weights[r, k] * experts[r, k]; with `residual_weight`
/// the residual is normed too, rms_norm(residual) * residual_weight. experts [R, K, D]; weights [R, K]; residual, out
/// [R, D]. `out` may be `residual`.
Result<void> expert_sum_norm_add(Context& context, const Tensor& experts, const Tensor& weights, const Tensor& residual,
                                 const Tensor& weight, float eps, const Tensor& out,
                                 const Tensor& residual_weight = {});

}  // namespace anymetal::ops
