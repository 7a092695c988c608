#pragma once
/// \file
/// Products with one expert's matrix for each row. Every op fails with InvalidArgument on a shape or type it cannot
/// take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out[t, s, n] = sum over k of weight[ids[t, s], n, k] * x[t, k]. weight [E, N, K] of any block-quantised type,
/// experts may lie apart; x f32 [T, K]; ids u32 [T, S]; out f32 [T, S, N]. K a multiple of the type's blocks.
///
/// An id that names no expert gives a row of zeros. With `scratch`, u32 of expert_scratch_elements, and S of 1 or 8,
/// many tokens are sorted by expert first; then an id that names no expert, or one expert twice for a token, makes the
/// whole output NaN.
Result<void> mul_mat_id(Context& context, const Tensor& weight, const Tensor& x, const Tensor& ids, const Tensor& out,
                        const Tensor& scratch = {});

[[nodiscard]] constexpr std::size_t expert_scratch_elements(std::size_t experts, std::size_t tokens) {
  return experts * (1 + tokens);
}

/// out[t, s, n] = sum over k of weight[ids[t, s], n, k] * silu(gate[t, s, k]) * up[t, s, k]. weight q4_0 [E, N, K];
/// gate, up f32 [T, S, K]; ids u32 [T, S]; out f32 [T, S, N]. An id that names no expert gives a row of zeros.
Result<void> mul_mat_id_swiglu(Context& context, const Tensor& weight, const Tensor& gate, const Tensor& up,
                               const Tensor& ids, const Tensor& out);

}  // namespace anymetal::ops
