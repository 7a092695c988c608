#include <metal_stdlib>
#include "common/reduce.h"
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

struct FitParams {
  uint group_size, bins;
};

/// Fits w = scale * code + bias to every group: bias = min, scale = (max - min) / (bins - 1), or 1 where that is not
/// positive, code = (w - bias) / scale rounded half away from zero within 0 .. bins - 1.
///
/// buffer 0: w f32 [groups, group_size]; 1: scales f32 [groups]; 2: biases f32 [groups]; 3: codes u8 [groups, group_size];
/// 4: u32 {group_size, bins}; threadgroup 0: 8 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: exact
kernel void qdq_affine_init_f32(device const float* w [[buffer(0)]],
                                device float* scales [[buffer(1)]],
                                device float* biases [[buffer(2)]],
                                device uchar* codes [[buffer(3)]],
                                device const FitParams& p [[buffer(4)]],
                                threadgroup float* scratch [[threadgroup(0)]],
                                uint group [[threadgroup_position_in_grid]],
                                uint index [[thread_index_in_threadgroup]],
                                uint size [[threads_per_threadgroup]],
                                uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const ulong at = ulong(group) * p.group_size + index;
  const float v = w[at];
  const float low = threadgroup_combine<Min>(simd_min(v), scratch, team), high = threadgroup_max(v, scratch, team);
  const float step = (high - low) / float(p.bins - 1), scale = step > 0.0f ? step : 1.0f;
  codes[at] = uchar(clamp(round((v - low) / scale), 0.0f, float(p.bins - 1)));
  if (index == 0) scales[group] = scale, biases[group] = low;
}

struct ForwardParams {
  uint n, group_size;
};

/// out[i] = codes[i] * scales[i / group_size] + biases[i / group_size].
///
/// buffer 0: codes u8 [n]; 1: scales f32 [n / group_size]; 2: biases; 3: out f32 [n]; 4: u32 {n, group_size}
/// grid: threads (n). tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_forward_f32(device const uchar* codes [[buffer(0)]],
                                   device const float* scales [[buffer(1)]],
                                   device const float* biases [[buffer(2)]],
                                   device float* out [[buffer(3)]],
                                   device const ForwardParams& p [[buffer(4)]],
                                   uint i [[thread_position_in_grid]]) {
  if (i >= p.n) return;
  const uint group = i / p.group_size;
  out[i] = float(codes[i]) * scales[group] + biases[group];
}

/// d_scales[g] = sum over group g of codes * dy.
///
/// buffer 0: codes u8 [groups, group_size]; 1: dy f32 [groups, group_size]; 2: d_scales f32 [groups]; 3: u32 {group_size};
/// threadgroup 0: 4 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_backward_scales_f32(device const uchar* codes [[buffer(0)]],
                                           device const float* dy [[buffer(1)]],
                                           device float* d_scales [[buffer(2)]],
                                           device const uint& group_size [[buffer(3)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]],
                                           uint index [[thread_index_in_threadgroup]],
                                           uint size [[threads_per_threadgroup]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const ulong at = ulong(group) * group_size + index;
  const float sum = threadgroup_sum(float(codes[at]) * dy[at], scratch, {index, size, lane, simdgroup});
  if (index == 0) d_scales[group] = sum;
}

/// d_biases[g] = sum over group g of dy.
///
/// buffer 0: dy f32 [groups, group_size]; 1: d_biases f32 [groups]; 2: u32 {group_size}; threadgroup 0: 4 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_backward_biases_f32(device const float* dy [[buffer(0)]],
                                           device float* d_biases [[buffer(1)]],
                                           device const uint& group_size [[buffer(2)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]],
                                           uint index [[thread_index_in_threadgroup]],
                                           uint size [[threads_per_threadgroup]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const float sum = threadgroup_sum(dy[ulong(group) * group_size + index], scratch, {index, size, lane, simdgroup});
  if (index == 0) d_biases[group] = sum;
}
