#pragma once
/// \file
/// Element-wise ops. All tensors contiguous and of equal shape; the output may be one of the inputs.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = gelu(gate) * up with the tanh form of GELU. f32.
Result<void> gelu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out);
/// out = a + b. f32.
Result<void> add(Context& context, const Tensor& a, const Tensor& b, const Tensor& out);
/// out = x * scalar. f32.
Result<void> scale(Context& context, const Tensor& x, float scalar, const Tensor& out);

}  // namespace anymetal::ops
