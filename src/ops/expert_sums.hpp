#pragma once
/// \file
/// What follows the experts' products: activation, weights, sums, and their gradients. T tokens, S chosen experts a
/// token, rows of H or I elements; f32 and dense where nothing else is said. Every op fails with InvalidArgument on a
/// shape or type it cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// Gradient of gelu_mul_halves by its input. gate_up, dgate_up [.., 2 I]; dy [.., I].
Result<void> gelu_mul_halves_backward(Context& context, const Tensor& gate_up, const Tensor& dy,
                                      const Tensor& dgate_up);

/// out[t] = sum over s of weights[t, s] * x[t, s]. x f32 or bf16 [T, S, H]; weights [T, S]; out [T, H].
Result<void> expert_sum(Context& context, const Tensor& x, const Tensor& weights, const Tensor& out);
/// Gradient of expert_sum by x: dx[t, s] = weights[t, s] * dy[t]. dy [T, H]; dx [T, S, H].
Result<void> expert_sum_backward_x(Context& context, const Tensor& weights, const Tensor& dy, const Tensor& dx);
/// Gradient of expert_sum by the weights: dweights[t, s] = sum over h of x[t, s, h] * dy[t, h].
Result<void> expert_sum_backward_weights(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dweights);

/// out[t] = sum over s of weights[t, s] * x[t, s] + shared[t] / (1 + e^-gate[t]), + residual[t] where it is defined.
/// shared, residual, out [T, H]; gate [T]. `out` may be `shared` or `residual`.
Result<void> expert_sum_with_shared(Context& context, const Tensor& x, const Tensor& weights, const Tensor& shared,
                                    const Tensor& gate, const Tensor& out, const Tensor& residual = {});

/// ids = the first k of `order`, weights = their probabilities divided by the sum of the k, times their scale.
/// probabilities, scale [E]; order u32 [E], largest first; ids u32 [k]; weights [k].
Result<void> chosen_weights(Context& context, const Tensor& probabilities, const Tensor& order, const Tensor& scale,
                            const Tensor& ids, const Tensor& weights);

}  // namespace anymetal::ops
