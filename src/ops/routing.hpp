#pragma once
/// \file
/// Choosing the experts of each token. Every op fails with InvalidArgument on a shape or type it cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// ids = the k experts of largest logit of each token, largest first, of equal ones the lowest first; weights = their
/// shares of softmax(logits), divided by the sum of the k and, where `scale` is defined, times the expert's scale.
/// logits f32 [N, E]; ids u32 [N, k]; weights f32 [N, k]; scale f32 [E]; k <= E. A token whose softmax is undefined
/// gets ids and weights of 0.
Result<void> route_experts(Context& context, const Tensor& logits, const Tensor& ids, const Tensor& weights,
                           const Tensor& scale = {});

/// The weights of a router in front of the experts.
struct Router {
  Tensor weights;  ///< f32 [E, D]
  Tensor norm;     ///< f32 [D]
  Tensor scale;    ///< f32 [E]
  float eps = 1e-6f;
};

/// Logits router.weights * (x / sqrt(mean(x^2) + eps) * router.norm), the k largest of them as in route_experts, and
/// weights softmax(the k logits) * scale divided by their sum. x bf16 [N, D]; ids u32 [N, k]; weights f32 [N, k]; k <=
/// E.
Result<void> moe_gate(Context& context, const Tensor& x, const Router& router, const Tensor& ids,
                      const Tensor& weights);

}  // namespace anymetal::ops
