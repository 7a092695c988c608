// Inputs of several widths, two-level reduction
#include <metal_stdlib>
using namespace metal;
kernel void x03(device const float* x [[buffer(0)]], device float* o [[buffer(1)]], threadgroup float* part [[threadgroup(0)]],
                uint3 tg [[threadgroup_position_in_grid]], ushort3 tp [[thread_position_in_threadgroup]],
                ushort lane [[thread_index_in_simdgroup]], ushort sg [[simdgroup_index_in_threadgroup]], ushort3 nt [[threads_per_threadgroup]]) {
  float m = -INFINITY, s = 0.0f;
  for (uint i = tp.x; i < 64; i += nt.x) m = max(m, x[tg.x * 64 + i]);
  m = simd_max(m);
  if (lane == 0) part[sg] = m;
  threadgroup_barrier(mem_flags::mem_threadgroup); m = simd_max(lane < nt.x / 32 ? part[lane] : -INFINITY);
  for (uint i = tp.x; i < 64; i += nt.x) s += exp(x[tg.x * 64 + i] - m);
  for (ushort d = 16; d > 0; d /= 2) s += simd_shuffle_down(s, d);
  if (lane == 0 && sg == 0) o[tg.x] = s;
}
