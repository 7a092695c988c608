#pragma once
/// \file
/// What training steps need beside the gradients of gradients.hpp: embedding tables, convolution, fake quantisation,
/// the optimiser. Tensors are f32 and dense where nothing else is said; every op fails with InvalidArgument on a shape
/// or type it cannot take.

#include <cstdint>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// dtable[v, :] = sum of dy[b, :] over the b with ids[b] = v, in the order of b; rows without an id become 0, ids past
/// the table count nothing. dy [B, H]; ids u32 [B]; dtable [V, H].
Result<void> embedding_backward(Context& context, const Tensor& dy, const Tensor& ids, const Tensor& dtable);

/// dx[r, index[r, j]] += dy[r, j] for each j, in a dx that this op clears first; an index past the row counts nothing.
/// dy, index u32 [R, k]; dx [R, C].
Result<void> take_along_axis_backward(Context& context, const Tensor& dy, const Tensor& index, const Tensor& dx);

/// y[t, c] = sum over k of w[c, k] * x[t + k - (K - 1), c], x being 0 before the first token. x, y [T, C]; w [C, K].
Result<void> causal_conv(Context& context, const Tensor& x, const Tensor& w, const Tensor& y);
Result<void> causal_conv_backward_x(Context& context, const Tensor& dy, const Tensor& w, const Tensor& dx);
Result<void> causal_conv_backward_w(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dw);

/// Affine fake quantisation of groups of G elements, q in [0, bins): w is near scale[g] * q + bias[g].
struct AffineGroups {
  Tensor scales;  ///< [N]
  Tensor biases;  ///< [N]
  Tensor codes;   ///< u8 [N, G]
};

/// Scales, biases and codes from the smallest and largest weight of every group. w [N, G]; 2 <= G <= 1024; 2 <= bins <=
/// 256.
Result<void> fit_affine(Context& context, const Tensor& w, std::uint32_t bins, const AffineGroups& groups);
/// out = scale[g] * code + bias[g]. out [N, G]. With the straight-through estimator its gradient by w is dy itself.
Result<void> affine_values(Context& context, const AffineGroups& groups, const Tensor& out);
/// Gradients of affine_values by the scales, sum of dy * code, and by the biases, sum of dy. dy [N, G]; out [N].
Result<void> affine_backward_scales(Context& context, const Tensor& codes, const Tensor& dy, const Tensor& dscales);
Result<void> affine_backward_biases(Context& context, const Tensor& dy, const Tensor& dbiases);

/// Adam (arXiv 1412.6980).
struct Adam {
  float rate = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  std::uint32_t step = 1;  ///< counts from 1
};

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; parameters -= rate m' / (sqrt(v') + eps), m' and v'
/// corrected for their start at 0. All of one size; parameters, m and v are changed.
Result<void> adam_update(Context& context, const Adam& adam, const Tensor& parameters, const Tensor& gradient,
                         const Tensor& m, const Tensor& v);

}  // namespace anymetal::ops
