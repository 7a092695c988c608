#pragma once
/// \file
/// Recurrent layers: gates, short convolution, prefix sums, the gated delta rule (arXiv 2412.06464). f32 and dense
/// where nothing else is said; every op fails with InvalidArgument on a shape or type it cannot take.
///
/// B sequences of T tokens; Hg heads of K elements for queries and keys, H heads of V elements for values, H a multiple
/// of Hg.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// g = softplus(alpha + bias) * -a, beta = 1 / (1 + e^-b), per token and head. alpha, b, g, beta [T, H]; bias, a [H], a
/// being -e^(A_log). `g` may be `alpha`, `beta` may be `b`.
Result<void> delta_gates(Context& context, const Tensor& alpha, const Tensor& b, const Tensor& bias, const Tensor& a,
                         const Tensor& g, const Tensor& beta);

/// out = x / sqrt(mean(x^2) + eps) * weight * silu(z) per row. x, z, out [.., D]; weight [D]. `out` may be `x` or `z`.
Result<void> norm_gate(Context& context, const Tensor& x, const Tensor& weight, const Tensor& z, float eps,
                       const Tensor& out);

/// out[r, i] = sum of x[r, 0] to x[r, i]. f32 or bf16. `out` may be `x`.
Result<void> cumsum(Context& context, const Tensor& x, const Tensor& out);

/// y = silu of the causal convolution of width K over the state and the tokens; new_state = the last K - 1 tokens after
/// them. x, y [B, T, C]; w [C, K], K >= 2; state, new_state [B, C, K - 1], oldest first. All f32 or all bf16. `y` must
/// not be `x`, `new_state` may be `state` if T >= K - 1.
Result<void> short_conv(Context& context, const Tensor& x, const Tensor& w, const Tensor& state, const Tensor& y,
                        const Tensor& new_state);

/// x = l^-1 b, l unit lower triangular: its diagonal and what is above are not read. l [B, N, N]; b, x [B, N, M]; all
/// f32 or all bf16. `x` may be `b`.
Result<void> solve_lower_unit(Context& context, const Tensor& l, const Tensor& b, const Tensor& x);

/// What the gated delta rule reads. Queries come scaled, queries and keys normed.
struct DeltaInputs {
  Tensor q, k;  ///< [B, T, Hg, K]
  Tensor v;     ///< [B, T, H, V]
  Tensor gate;  ///< f32 [B, T, H]
  Tensor beta;  ///< f32 [B, T, H]
};

/// Token by token: S = e^-gate S; S += beta (v - S k) k^T; out = S q. Everything f32; value head h reads key head h mod
/// Hg. state, new_state [B, H, V, K]; out [B, T, H, V]; K, V <= 128, or K of 32, 64 or 128 and any V that is a multiple
/// of K / 32. `new_state` may be `state`.
Result<void> gated_delta_rule(Context& context, const DeltaInputs& in, const Tensor& state, const Tensor& out,
                              const Tensor& new_state);

/// Memory between the stages of gated_delta_rule_chunks.
struct DeltaScratch {
  Tensor sums;       ///< f32 [B, T, H]
  Tensor blocks;     ///< f32 [B, T, H, 64]
  Tensor w;          ///< bf16 [B, T, H, K]
  Tensor u;          ///< bf16 [B, T, H, V]
  Tensor snapshots;  ///< bf16 [B, ceil(T / 64), H, V, K]
};

/// The same rule by chunks of 64 tokens, for long inputs. q, k, v, out bf16; `gate` is the log of the decay, what the
/// other op calls -gate; value head h reads key head h / (H / Hg); out = scale * S q. state, new_state f32 [B, H, V,
/// K], V a multiple of 32, K one of 8 up to 224. `new_state` may be `state`.
Result<void> gated_delta_rule_chunks(Context& context, const DeltaInputs& in, float scale, const Tensor& state,
                                     const Tensor& out, const Tensor& new_state, const DeltaScratch& scratch);

}  // namespace anymetal::ops
