#pragma once
/// \file
/// Element-wise ops. All tensors contiguous, of one type and equally many elements; the output may be one of the inputs
/// but for `cast`. Every op fails with InvalidArgument on a shape or type it cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = a + b. f32, f16 or bf16.
Result<void> add(Context& context, const Tensor& a, const Tensor& b, const Tensor& out);
/// out = a * b. f32, f16 or bf16.
Result<void> mul(Context& context, const Tensor& a, const Tensor& b, const Tensor& out);
/// out = x * scalar. f32 or bf16.
Result<void> scale(Context& context, const Tensor& x, float scalar, const Tensor& out);
/// sum += weight * x. f32.
Result<void> accumulate(Context& context, const Tensor& x, float weight, const Tensor& sum);
/// out = x in the type of `out`: f32 from or to f16 or bf16, rounded to nearest.
Result<void> cast(Context& context, const Tensor& x, const Tensor& out);

/// out = gelu(x), the tanh form (arXiv 1606.08415). f32, f16 or bf16.
Result<void> gelu(Context& context, const Tensor& x, const Tensor& out);
/// out = gelu(gate) * up. f32 or bf16.
Result<void> gelu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out);
/// out = silu(gate) * up (arXiv 2002.05202). f32.
Result<void> silu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out);
/// out = x / (1 + e^-gate). f32 or bf16.
Result<void> sigmoid_mul(Context& context, const Tensor& x, const Tensor& gate, const Tensor& out);

/// out[.., i] = gelu(gate_up[.., i]) * gate_up[.., I + i]. gate_up [.., 2 I], out [.., I], both f32 or both bf16.
Result<void> gelu_mul_halves(Context& context, const Tensor& gate_up, const Tensor& out);

}  // namespace anymetal::ops
