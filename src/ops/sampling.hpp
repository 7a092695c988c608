#pragma once
/// \file
/// From logits to probabilities and tokens.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// index[0] = position of the largest logit (the lowest such), value[0] = that logit. logits f32 [n]; index u32 [1];
/// value f32 [1]. NaN is never chosen.
Result<void> argmax(Context& context, const Tensor& logits, const Tensor& index, const Tensor& value);

/// The k largest logits in descending order, of equal ones the lowest index first, k = indices.elements(), 1 to 128.
/// logits f32 [n]; indices u32 [k]; values f32 [k]. NaN and -inf are never chosen: where fewer remain the value is -inf
/// and the index 0.
Result<void> top_k(Context& context, const Tensor& logits, const Tensor& indices, const Tensor& values);

/// Each row's indices in descending order of value, of equal values the largest index first, NaN last. x f32 [.., L], L
/// <= 256; order u32 [.., L].
Result<void> argsort(Context& context, const Tensor& x, const Tensor& order);

/// Where a draw goes.
struct Draw {
  Tensor probabilities;  ///< f32 [n]
  Tensor token;          ///< u32 [1]
  Tensor logprob;        ///< f32 [1], natural logarithm
};

/// draw.probabilities = softmax(logits / temperature); draw.token = the first token of positive probability at which
/// their running sum reaches u. logits f32 [n]; temperature > 0; 0 <= u < 1.
Result<void> softmax_sample(Context& context, const Tensor& logits, float temperature, float u, const Draw& draw);

/// Softmax of each row. x, out f32, f16 or bf16 [.., C]. `out` may be `x`.
Result<void> softmax(Context& context, const Tensor& x, const Tensor& out);

/// out = tanh(x / cap) * cap. f32, f16 or bf16. `out` may be `x`.
Result<void> softcap(Context& context, const Tensor& x, float cap, const Tensor& out);

}  // namespace anymetal::ops
