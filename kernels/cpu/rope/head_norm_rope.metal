#include <metal_stdlib>
#include "cpu/rope.h"
using namespace metal;
using namespace anymetal;

// kernels: fused_head_norm_rope_f32 fused_head_norm_rope_f32_v2 fused_head_norm_rope_batch_bf16 fused_head_norm_rope_bf16

constant constexpr uint kHeadRun = 64;  // threadgroups whose heads one does: powers are taken once for them

// Where a head's elements go: to `natural`, and to copies where they are asked for.
template <class T>
struct Outputs {
  device T* natural;
  device bfloat* bf16;
  device float* permuted;

  void store(uint i, WideF v) const {
    Wide::store(natural + i, v);
    if (bf16) Wide::store(bf16 + i, v);
    if (permuted) Wide::store(permuted + i, v);
  }
  void store(uint i, float v) const {
    natural[i] = T(v);
    if (bf16) bf16[i] = bfloat(v);
    if (permuted) permuted[i] = v;
  }
};

// A head x / sqrt(mean(x^2) + eps) * w as pairs (i, i + distance); w is null where there is none.
template <class T>
struct NormalisedHead {
  device const T* x;
  device const T* w;
  uint distance;
  Outputs<T> out;
  float r;

  NormalisedHead(device const T* x, device const T* w, uint dim, uint distance, float eps, Outputs<T> out)
      : x(x), w(w), distance(distance), out(out) {
    WideF sums[2] = {};
    uint i = 0;
    for (; i + 32 <= dim; i += 32) {
      const WideF a = Wide::load(x + i), b = Wide::load(x + i + 16);
      sums[0] += a * a;
      sums[1] += b * b;
    }
    float squares = Wide::sum(sums[0] + sums[1]);
#pragma clang loop vectorize(disable) unroll(disable)
    for (; i < dim; ++i) squares += float(x[i]) * float(x[i]);
    r = rsqrt(squares / float(dim) + eps);
  }
  WideF wide(uint i) const {
    const WideF v = Wide::load(x + i) * r;
    return w ? v * Wide::load(w + i) : v;
  }
  float one(uint i) const { return float(x[i]) * r * (w ? float(w[i]) : 1.0f); }
  void load(uint i, thread WideF& a, thread WideF& b) const { a = wide(i), b = wide(i + distance); }
  void store(uint i, WideF a, WideF b) const { out.store(i, a), out.store(i + distance, b); }
  float2 load(uint i) const { return float2(one(i), one(i + distance)); }
  void store(uint i, float2 v) const { out.store(i, v.x), out.store(i + distance, v.y); }

  // Stores the elements that no pair below `pairs` has.
  void store_rest(uint dim, uint pairs) const {
    if (2 * pairs == dim) return;
    for (uint half = 0; half < 2; ++half) {
      const uint end = half == 0 ? distance : dim;
      uint i = half * distance + pairs;
      for (; i + 16 <= end; i += 16) out.store(i, wide(i));
#pragma clang loop vectorize(disable) unroll(disable)
      for (; i < end; ++i) out.store(i, one(i));
    }
  }
};

// Heads `first` up to `last` of a batch: outputs(head) says where one goes.
template <class T, class Params, class Places>
void norm_and_turn(device const T* x, device const T* w, constant Params& p, device const uint* positions,
                   device const float* freq_factors, uint first, uint last, Places outputs) {
  const uint dim = p.head_dim, heads = p.n_heads, distance = dim / 2, pairs = min(p.half_rope_dim, distance);
  const float theta = p.theta, eps = p.eps;
  const bool has_factors = p.has_freq_factors != 0;
  device const T* weight = p.has_weight != 0 ? w : nullptr;
  Frequencies frequencies;
  Turns turns;
  if (pairs <= Frequencies::kPairs) {
    frequencies.fill(0, pairs, [&](uint i) { return rope_divisor(i, dim, theta) * (has_factors ? freq_factors[i] : 1.0f); });
  }
  for (uint at = first; at < last; ++at) {
    const NormalisedHead<T> head(x + ulong(at) * dim, weight, dim, distance, eps, outputs(at));
    const float position = float(positions[at / heads]);
    if (pairs > Frequencies::kPairs) {
      // A table that long is not kept: pair by pair.
      for (uint i = 0; i < pairs; ++i) {
        const float angle = position / (rope_divisor(i, dim, theta) * (has_factors ? freq_factors[i] : 1.0f));
        head.store(i, rotate(head.load(i), angle));
      }
    } else {
      if (at == first || at % heads == 0) turns.fill(pairs, [&](uint i) { return frequencies.angles(i, position); });
      turns.apply(head, 0, pairs);
    }
    head.store_rest(dim, pairs);
  }
}

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

/// rope/fused_head_norm_rope_f32.metal for a core that takes the heads of kHeadRun threadgroups.
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
                                 uint groups [[threadgroups_per_grid]]) {
  if (group % kHeadRun != 0) return;
  const uint dim = p.head_dim, heads = p.n_heads, tokens = p.seq_len;
  const bool is_permuted = p.bf16_permuted != 0, has_bf16 = p.has_bf16_output != 0, has_f32 = p.has_f32_perm_output != 0;
  norm_and_turn(x, w, p, positions, freq_factors, group, min(group + kHeadRun, groups), [&](uint at) {
    const ulong base = ulong(at) * dim;
    const ulong copy_base = is_permuted ? (ulong(at % heads) * tokens + at / heads) * dim : base;
    return Outputs<float>{out + base, has_bf16 ? out_bf16 + copy_base : nullptr, has_f32 ? out_permuted + copy_base : nullptr};
  });
}

#define INSTANTIATE(name, kVectors) \
  template [[host_name(name)]] kernel void fused_head_norm_rope<kVectors>( \
      device const float*, device float*, device const float*, constant HeadNormRopeParams&, device const uint*, \
      device const float*, device bfloat*, device float*, threadgroup float*, uint, uint);
INSTANTIATE("fused_head_norm_rope_f32", false)
INSTANTIATE("fused_head_norm_rope_f32_v2", true)

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

/// rope/fused_head_norm_rope_bf16.metal for a core that takes the heads of kHeadRun threadgroups.
kernel void fused_head_norm_rope_batch_bf16(device const bfloat* x [[buffer(0)]],
                                            device bfloat* out [[buffer(1)]],
                                            device const bfloat* w [[buffer(2)]],
                                            constant BatchParams& p [[buffer(3)]],
                                            device const uint* positions [[buffer(4)]],
                                            device const float* freq_factors [[buffer(5)]],
                                            threadgroup float* scratch [[threadgroup(0)]],
                                            uint group [[threadgroup_position_in_grid]],
                                            uint groups [[threadgroups_per_grid]]) {
  if (group % kHeadRun != 0) return;
  const uint dim = p.head_dim;
  norm_and_turn(x, w, p, positions, freq_factors, group, min(group + kHeadRun, groups),
                [&](uint at) { return Outputs<bfloat>{out + ulong(at) * dim, nullptr, nullptr}; });
}

struct CachedParams {
  uint head_dim;
  uint n_heads;
  uint half_rope_dim;
  float eps;
  uint has_weight;
};

/// rope/fused_head_norm_rope_bf16.metal for a core that takes a head.
kernel void fused_head_norm_rope_bf16(device const bfloat* x [[buffer(0)]],
                                      device bfloat* out [[buffer(1)]],
                                      device const bfloat* w [[buffer(2)]],
                                      device const float* cosines [[buffer(3)]],
                                      device const float* sines [[buffer(4)]],
                                      constant CachedParams& p [[buffer(5)]],
                                      threadgroup float* scratch [[threadgroup(0)]],
                                      uint group [[threadgroup_position_in_grid]]) {
  if (group >= p.n_heads) return;
  const uint dim = p.head_dim, pairs = min(p.half_rope_dim, dim / 2);
  const ulong base = ulong(group) * dim;
  const NormalisedHead<bfloat> head(x + base, p.has_weight != 0 ? w : nullptr, dim, pairs, p.eps,
                                    Outputs<bfloat>{out + base, nullptr, nullptr});
  turn_by(head, cosines, sines, 0, pairs);
  head.store_rest(dim, pairs);
}
