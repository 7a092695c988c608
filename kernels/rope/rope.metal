#include <metal_stdlib>
#include "common/rope.h"
using namespace metal;
using namespace anymetal;

// kernels: rope_f32 rope_f16 rope_bf16 rope_neox_f32 rope_neox_bf16

/// Rotary embedding of adjacent pairs (2i, 2i + 1) of each row, by the angle position / theta^(2i/D). In f32, rounded once.
///
/// buffer 0: x [S, D]; 1: y [S, D]; 2: params f32 {theta, D}; 3: positions u32 [S]
/// grid: threads (D/2, S). y may be x. Source: arXiv 2104.09864. tolerance: f32 1e-5 + position * 2^-23, f16 2e-3, bf16 1e-2
template <class T>
kernel void rope_adjacent(device const T* x [[buffer(0)]],
                          device T* y [[buffer(1)]],
                          constant float* params [[buffer(2)]],
                          device const uint* positions [[buffer(3)]],
                          uint2 at [[thread_position_in_grid]],
                          uint2 grid [[threads_per_grid]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[threads_per_threadgroup]]) {
  const uint dim = uint(params[1]), i = at.x;
  if (i >= dim / 2) return;
  const float divisor = rope_divisor(i, dim, params[0]);
  const auto load = [&](uint row) {
    const ulong base = ulong(row) * dim + 2 * i;
    return float3(float(x[base]), float(x[base + 1]), float(positions[row]));
  };
  for_row<4>({at.y, group.y, size.y}, grid.y, load, [&](uint row, float3 pair) {
    const ulong base = ulong(row) * dim + 2 * i;
#if ANYMETAL_NVIDIA
    const float2 by = turn_by<sizeof(T)>(pair.z / divisor), v = rotate(pair.xy, by.x, by.y);
#else
    const float2 v = rotate(pair.xy, pair.z / divisor);
#endif
    y[base] = T(v.x);
    y[base + 1] = T(v.y);
  });
}

#define INSTANTIATE(name, T) \
  template [[host_name("rope_" name)]] kernel void rope_adjacent<T>( \
      device const T*, device T*, constant float*, device const uint*, uint2, uint2, uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)

struct SplitRope {
  float theta;
  uint dim;
  uint pairs;
};

inline SplitRope split_rope(constant float* params) {
  const uint dim = uint(params[1]);
  return {params[0], dim, min(uint(params[2]), dim) / 2};
}

// Rotates the pairs (i, i + D/2), i < R/2, of a thread's heads, of which tokens have `heads` each; factor(i) divides the angle.
template <class T, class Factor>
void rope_split(device const T* x, device T* y, SplitRope rope, device const uint* positions, uint heads, ElementThread own, uint count, ElementThread across, uint step, Factor factor) {
  struct Angles {
    device const uint* positions;
    float divisor, factor;
    float position(uint token) const { return float(positions[token]); }
    float angle(float at) const { return at / divisor / factor; }
  };
  const auto angles_of = [&](uint i) { return Angles{positions, rope_divisor(i, rope.dim, rope.theta), factor(i)}; };
  rotate_heads<4>(x, y, own, count, heads, rope.dim, rope.dim / 2, rope.pairs, across, step, angles_of);
}

/// Rotary embedding of the first R/2 of the pairs (i, i + D/2) of each head, by the angle
/// position / theta^(2i/D) / freq_factors[i]; the exponent runs over the whole head. The other elements are copied.
///
/// buffer 0: x f32 [S, H, D]; 1: y f32 [S, H, D]; 2: params f32 {theta, D, R, unused}; 3: positions u32 [S];
/// 4: u32 {H, has_freq_factors}; 5: freq_factors f32 [R/2] (read if has_freq_factors)
/// grid: threads (R/2, S * H). y may be x. tolerance: 1e-5 + position * 2^-23
kernel void rope_neox_f32(device const float* x [[buffer(0)]],
                          device float* y [[buffer(1)]],
                          constant float* params [[buffer(2)]],
                          device const uint* positions [[buffer(3)]],
                          constant uint2& heads_and_flag [[buffer(4)]],
                          device const float* freq_factors [[buffer(5)]],
                          uint2 at [[thread_position_in_grid]],
                          uint2 grid [[threads_per_grid]],
                          uint2 in_group [[thread_position_in_threadgroup]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[threads_per_threadgroup]]) {
  const bool has_factors = heads_and_flag.y != 0;
  rope_split(x, y, split_rope(params), positions, heads_and_flag.x, {at.y, group.y, size.y, in_group.y}, grid.y, {at.x, group.x, size.x, in_group.x}, grid.x,
             [&](uint i) { return has_factors ? freq_factors[i] : 1.0f; });
}

/// rope_neox_f32 without frequency factors. In f32, rounded once.
///
/// buffer 0: x bf16 [S, H, D]; 1: y bf16 [S, H, D]; 2: params f32 {theta, D, R, unused}; 3: positions u32 [S];
/// 4: u32 {H, unused}
/// grid: threads (R/2, S * H). y may be x. tolerance: 1e-2 + position * 2^-23
kernel void rope_neox_bf16(device const bfloat* x [[buffer(0)]],
                           device bfloat* y [[buffer(1)]],
                           constant float* params [[buffer(2)]],
                           device const uint* positions [[buffer(3)]],
                           constant uint2& heads_and_flag [[buffer(4)]],
                           uint2 at [[thread_position_in_grid]],
                           uint2 grid [[threads_per_grid]],
                           uint2 in_group [[thread_position_in_threadgroup]],
                           uint2 group [[threadgroup_position_in_grid]],
                           uint2 size [[threads_per_threadgroup]]) {
  rope_split(x, y, split_rope(params), positions, heads_and_flag.x, {at.y, group.y, size.y, in_group.y}, grid.y, {at.x, group.x, size.x, in_group.x}, grid.x, [](uint) { return 1.0f; });
}
