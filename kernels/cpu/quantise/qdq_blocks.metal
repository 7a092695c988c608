#include <metal_stdlib>
#include "cpu/quantise_blocks.h"
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: no product is fused into a sum and every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

// kernels: qdq_q4_0_f32 qdq_q8_0_f32

/// quantise/qdq_blocks.metal for a core that takes a block.
kernel void qdq_q4_0_f32(device const float* x [[buffer(0)]],
                         device float* out [[buffer(1)]],
                         uint block [[threadgroup_position_in_grid]]) {
  x += ulong(block) * 32;
  out += ulong(block) * 32;
  const WideF v[2] = {Wide::load(x), Wide::load(x + 16)};
  const float peak = peak_of(v[0], v[1]);
  // The first of the largest, or the last element where none of them is.
  const Int16 count = lane_numbers();
  const Int16 low = __builtin_elementwise_abs(v[0]) == peak ? count : (Int16)31;
  const Int16 high = __builtin_elementwise_abs(v[1]) == peak ? count + 16 : (Int16)31;
  const float d = x[__builtin_reduce_min(__builtin_elementwise_min(low, high))] / -8.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  const float scale = float(half(d));
#pragma unroll
  for (uint i = 0; i < 2; ++i) {
    const WideF code = __builtin_elementwise_floor(v[i] * inverse + 8.5f);
    const WideF held = __builtin_elementwise_min(__builtin_elementwise_max(code, (WideF)0.0f), (WideF)15.0f);
    Wide::store(out + 16 * i, (held - 8.0f) * scale);
  }
}

/// quantise/qdq_blocks.metal for a core that takes a block.
kernel void qdq_q8_0_f32(device const float* x [[buffer(0)]],
                         device float* out [[buffer(1)]],
                         uint block [[threadgroup_position_in_grid]]) {
  x += ulong(block) * 32;
  out += ulong(block) * 32;
  const WideF a = Wide::load(x), b = Wide::load(x + 16);
  const float d = peak_of(a, b) / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f, scale = float(half(d));
  Wide::store(out, code_of(a, inverse) * scale);
  Wide::store(out + 16, code_of(b, inverse) * scale);
}
