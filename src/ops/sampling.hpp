#pragma once
/// \file
/// From logits to probabilities and tokens.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// index[0] = position of the largest logit (the lowest such), value[0] = that logit. logits f32 [n]; index u32 [1];
/// value f32 [1]. NaN is never chosen.
Result<void> argmax(Context& context, const Tensor& logits, const Tensor& index, const Tensor& value);

/// Softmax of each row. x, out f32 [.., C]. `out` may be `x`.
Result<void> softmax(Context& context, const Tensor& x, const Tensor& out);

/// out = tanh(x / cap) * cap. f32. `out` may be `x`.
Result<void> softcap(Context& context, const Tensor& x, float cap, const Tensor& out);

}  // namespace anymetal::ops
