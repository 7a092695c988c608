#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: no product is fused into a sum and every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

// store(b, load(b)) for a threadgroup's block, and on NVIDIA GPUs those of the seven threadgroups after it.
template <class Load, class Store>
void for_block(uint block, uint blocks, Load load, Store store) {
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<8>();
#endif
  for_each_own<8>({block, block, 1}, blocks, load, store);
}

/// out = the value a Q4_0 block of 32 gives back. With v the element of largest magnitude (the first of several) and
/// d = v / -8: code = floor(x / d + 8.5) within 0 .. 15, computed with 1 / d in f32, and out = (code - 8) * f16(d).
///
/// buffer 0: x f32 [32 blocks]; 1: out f32 [32 blocks]
/// grid: threadgroups (blocks) of 32. out may be x. exact
kernel void qdq_q4_0_f32(device const float* x [[buffer(0)]],
                         device float* out [[buffer(1)]],
                         uint block [[threadgroup_position_in_grid]],
                         uint blocks [[threadgroups_per_grid]],
                         uint lane [[thread_index_in_threadgroup]]) {
  const auto store = [&](uint b, float v) {
  const float peak = simd_max(fabs(v));
  const ushort first = ushort(simd_min(fabs(v) == peak ? lane : 31u));
  const float d = simd_shuffle(v, first) / -8.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  const float code = clamp(floor(v * inverse + 8.5f), 0.0f, 15.0f);
  out[ulong(b) * 32 + lane] = (code - 8.0f) * float(half(d));
  };
  for_block(block, blocks, [&](uint b) { return x[ulong(b) * 32 + lane]; }, store);
}

/// out = the value a Q8_0 block of 32 gives back: d = max |x| / 127, code = x / d rounded half away from zero within
/// -128 .. 127, computed with 1 / d in f32, and out = code * f16(d).
///
/// buffer 0: x f32 [32 blocks]; 1: out f32 [32 blocks]
/// grid: threadgroups (blocks) of 32. out may be x. exact
kernel void qdq_q8_0_f32(device const float* x [[buffer(0)]],
                         device float* out [[buffer(1)]],
                         uint block [[threadgroup_position_in_grid]],
                         uint blocks [[threadgroups_per_grid]],
                         uint lane [[thread_index_in_threadgroup]]) {
  const auto store = [&](uint b, float v) {
  const float d = simd_max(fabs(v)) / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  const float code = clamp(round(v * inverse), -128.0f, 127.0f);
  out[ulong(b) * 32 + lane] = code * float(half(d));
  };
  for_block(block, blocks, [&](uint b) { return x[ulong(b) * 32 + lane]; }, store);
}
