#include <metal_stdlib>
#include "common/head_norm_rope.h"
using namespace metal;
using namespace anymetal;

struct CachedParams {
  uint head_dim;
  uint n_heads;
  uint half_rope_dim;
  float eps;
  uint has_weight;
};
static_assert(sizeof(CachedParams) == 20, "the layout is part of the kernel's contract");

/// Per head of one token n = x / sqrt(mean(x^2) + eps) * w, then rotation of the pairs (i, i + half_rope_dim) by the angle
/// whose cosine and sine are given; the other elements are n. In f32, rounded once.
///
/// buffer 0: x bf16 [H, D]; 1: out bf16 [H, D]; 2: w bf16 [D] (read if has_weight); 3: cosines f32 [half_rope_dim];
/// 4: sines f32 [half_rope_dim]; 5: CachedParams; threadgroup 0: one float per simdgroup
/// grid: threadgroups (H), any threadgroup size. out may be x. tolerance: 1e-2
kernel void fused_head_norm_rope_bf16(device const bfloat* x [[buffer(0)]],
                                      device bfloat* out [[buffer(1)]],
                                      device const bfloat* w [[buffer(2)]],
                                      device const float* cosines [[buffer(3)]],
                                      device const float* sines [[buffer(4)]],
                                      constant CachedParams& p [[buffer(5)]],
                                      threadgroup float* scratch [[threadgroup(0)]],
                                      uint group [[threadgroup_position_in_grid]],
                                      uint index [[thread_index_in_threadgroup]],
                                      uint size [[threads_per_threadgroup]],
                                      uint lane [[thread_index_in_simdgroup]],
                                      uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (group >= p.n_heads) return;
  const Team team = {index, size, lane, simdgroup};
  const uint dim = p.head_dim, pairs = min(p.half_rope_dim, dim / 2);
  const auto each = [&](uint head) {
    const ulong base = ulong(head) * dim;
    const float r = inverse_rms_of_head(dim, p.eps, scratch, team, [&](uint i) { return float(x[base + i]); });
    rotate_head(dim, pairs, pairs, index, size, normalised(x + base, w, r, p.has_weight != 0),
                [&](uint i, float2 v) { return rotate(v, cosines[i], sines[i]); },
                [&](uint i, float v) { out[base + i] = bfloat(v); });
  };
#if ANYMETAL_NVIDIA
  const auto together = [&](uint first, uint end) {
    if (2 * pairs != dim) return false;
    return turn_common_heads(dim, first, end, p.eps, team, [&](uint h, uint i) { return float(x[ulong(h) * dim + i]); },
                             [&](uint i) { return p.has_weight != 0 ? float(w[i]) : 1.0f; }, [] {},
                             [&](uint, uint i, float2 v) { return rotate(v, cosines[i], sines[i]); },
                             [&](uint h, uint i, float v) { out[ulong(h) * dim + i] = bfloat(v); });
  };
#else
  const auto together = [](uint, uint) { return false; };
#endif
  for_heads(group, p.n_heads, together, each);
}

struct BatchParams {
  uint head_dim;
  uint n_heads;
  uint half_rope_dim;
  float eps;
  uint has_weight;
  float theta;
  uint has_freq_factors;
  uint pad;
};
static_assert(sizeof(BatchParams) == 32, "the layout is part of the kernel's contract");

/// fused_head_norm_rope_f32 in bf16: the pairs are (i, i + D/2) and the angle comes from the token's position. In f32,
/// rounded once.
///
/// buffer 0: x bf16 [S, H, D]; 1: out bf16 [S, H, D]; 2: w bf16 [D] (read if has_weight); 3: BatchParams;
/// 4: positions u32 [S]; 5: freq_factors f32 [half_rope_dim] (read if has_freq_factors); threadgroup 0: one float per simdgroup
/// grid: threadgroups (S * H), any threadgroup size. out may be x. tolerance: 5e-3 + 2e-2 |ref|
kernel void fused_head_norm_rope_batch_bf16(device const bfloat* x [[buffer(0)]],
                                            device bfloat* out [[buffer(1)]],
                                            device const bfloat* w [[buffer(2)]],
                                            constant BatchParams& p [[buffer(3)]],
                                            device const uint* positions [[buffer(4)]],
                                            device const float* freq_factors [[buffer(5)]],
                                            threadgroup float* scratch [[threadgroup(0)]],
                                            uint group [[threadgroup_position_in_grid]],
                                            uint heads [[threadgroups_per_grid]],
                                            uint index [[thread_index_in_threadgroup]],
                                            uint size [[threads_per_threadgroup]],
                                            uint lane [[thread_index_in_simdgroup]],
                                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = p.head_dim;
  const auto each = [&](uint head) {
    const ulong base = ulong(head) * dim;
    const float r = inverse_rms_of_head(dim, p.eps, scratch, team, [&](uint i) { return float(x[base + i]); });
    rotate_normalised(p, normalised(x + base, w, r, p.has_weight != 0), float(positions[head / p.n_heads]), freq_factors, team,
                      [&](uint i, float v) { out[base + i] = bfloat(v); });
  };
#if ANYMETAL_NVIDIA
  threadgroup Turns turns;
  const auto together = [&](uint first, uint end) {
    return turn_heads_by_position(p, first, end, team, turns, positions, freq_factors, [&](uint h, uint i) { return float(x[ulong(h) * dim + i]); },
                                  [&](uint i) { return p.has_weight != 0 ? float(w[i]) : 1.0f; },
                                  [&](uint h, uint i, float v) { out[ulong(h) * dim + i] = bfloat(v); });
  };
#else
  const auto together = [](uint, uint) { return false; };
#endif
  for_heads(group, heads, together, each);
}
