#include <metal_stdlib>
#include "common/head_norm_rope.h"
using namespace metal;
using namespace anymetal;

// kernels: fused_head_norm_rope_f32 fused_head_norm_rope_f32_v2

struct HeadNormRopeParams {
  uint head_dim;
  uint n_heads;
  uint half_rope_dim;
  float eps;
  uint has_weight;
  float theta;
  uint has_freq_factors;
  uint has_bf16_output;
  uint bf16_permuted;
  uint seq_len;
  uint has_f32_perm_output;
};

// One head's place in each output; null where a copy is not asked for.
struct Outputs {
  device float* natural;
  device bfloat* bf16;
  device float* permuted;

  void store(uint i, float v) const {
    natural[i] = v;
    if (bf16) bf16[i] = bfloat(v);
    if (permuted) permuted[i] = v;
  }
};

// Sum of squares of this thread's share of a head, as scalars or as 16-byte vectors.
template <bool kVectors>
float share_of_squares(device const float* x, uint dim, Team team) {
  float squares = 0.0f;
  if (kVectors) {
    device const float4* v = (device const float4*)x;
    for (uint i = team.index; i < dim / 4; i += team.size) squares += dot(v[i], v[i]);
  } else {
    for (uint i = team.index; i < dim; i += team.size) squares += x[i] * x[i];
  }
  return squares;
}

/// Per head n = x / sqrt(mean(x^2) + eps) * w, then rotary embedding of the pairs (i, i + D/2), i < half_rope_dim, by the
/// angle position / theta^(2i/D) / freq_factors[i]; the other elements are n. The _v2 form wants D a multiple of 4 and
/// 16-byte aligned heads.
///
/// buffer 0: x f32 [S, H, D]; 1: out f32 [S, H, D]; 2: w f32 [D] (read if has_weight); 3: HeadNormRopeParams;
/// 4: positions u32 [S]; 5: freq_factors f32 [half_rope_dim] (read if has_freq_factors); 6: copy of out as bf16 (if
/// has_bf16_output); 7: copy as f32 (if has_f32_perm_output), both [H, S, D] where bf16_permuted, else [S, H, D];
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (S * H), any threadgroup size. out may be x. tolerance: 1e-5 + position * 2^-23
template <bool kVectors>
kernel void fused_head_norm_rope(device const float* x [[buffer(0)]],
                                 device float* out [[buffer(1)]],
                                 device const float* w [[buffer(2)]],
                                 constant HeadNormRopeParams& p [[buffer(3)]],
                                 device const uint* positions [[buffer(4)]],
                                 device const float* freq_factors [[buffer(5)]],
                                 device bfloat* out_bf16 [[buffer(6)]],
                                 device float* out_permuted [[buffer(7)]],
                                 threadgroup float* scratch [[threadgroup(0)]],
                                 uint group [[threadgroup_position_in_grid]],
                                 uint heads [[threadgroups_per_grid]],
                                 uint index [[thread_index_in_threadgroup]],
                                 uint size [[threads_per_threadgroup]],
                                 uint lane [[thread_index_in_simdgroup]],
                                 uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = p.head_dim;
  const auto outputs_of = [&](uint h) {
    const uint token = h / p.n_heads, head = h % p.n_heads;
    const ulong base = ulong(h) * dim, copy_base = p.bf16_permuted != 0 ? (ulong(head) * p.seq_len + token) * dim : base;
    return Outputs{out + base, p.has_bf16_output != 0 ? out_bf16 + copy_base : nullptr,
                   p.has_f32_perm_output != 0 ? out_permuted + copy_base : nullptr};
  };
  const auto each = [&](uint h) {
    const ulong base = ulong(h) * dim;
    const float squares = threadgroup_sum(share_of_squares<kVectors>(x + base, dim, team), scratch, team);
    const float r = rsqrt(squares / float(dim) + p.eps);
    const Outputs outputs = outputs_of(h);
    // All of the head has been read by now, and an element is written by the thread that reads it again: out may be x.
    rotate_normalised(p, normalised(x + base, w, r, p.has_weight != 0), float(positions[h / p.n_heads]), freq_factors, team,
                      [&](uint i, float v) { outputs.store(i, v); });
  };
#if ANYMETAL_NVIDIA
  threadgroup Turns turns;
  const auto together = [&](uint first, uint end) {
    return turn_heads_by_position(p, first, end, team, turns, positions, freq_factors, [&](uint h, uint i) { return x[ulong(h) * dim + i]; },
                                  [&](uint i) { return p.has_weight != 0 ? w[i] : 1.0f; },
                                  [&](uint h, uint i, float v) { outputs_of(h).store(i, v); });
  };
#else
  const auto together = [](uint, uint) { return false; };
#endif
  for_heads(group, heads, together, each);
}

#define INSTANTIATE(name, kVectors) \
  template [[host_name(name)]] kernel void fused_head_norm_rope<kVectors>( \
      device const float*, device float*, device const float*, constant HeadNormRopeParams&, device const uint*, \
      device const float*, device bfloat*, device float*, threadgroup float*, uint, uint, uint, uint, uint, uint);
INSTANTIATE("fused_head_norm_rope_f32", false)
INSTANTIATE("fused_head_norm_rope_f32_v2", true)
