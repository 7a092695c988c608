#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: rms_norm_f32_v2 rms_norm_no_scale_f32_v2 fused_norm_add_f32_v2

// The kernels for 16-byte accesses element by element: a core's vectors are longer than four, and one thread does a row.

/// norm/rms_norm.metal for one thread to a row.
[[any_threadgroup_size]]
kernel void rms_norm_f32_v2(device const float4* x [[buffer(0)]],
                            device const float4* w [[buffer(1)]],
                            device float4* y [[buffer(2)]],
                            constant float* params [[buffer(3)]],
                            threadgroup float* scratch [[threadgroup(0)]],
                            uint row [[threadgroup_position_in_grid]],
                            uint index [[thread_index_in_threadgroup]],
                            uint size [[threads_per_threadgroup]],
                            uint lane [[thread_index_in_simdgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]) & ~3u;
  device const float* from = (device const float*)x + ulong(row) * dim;
  device float* to = (device float*)y + ulong(row) * dim;
  device const float* weight = (device const float*)w;
  const float r = inverse_rms_of(dim, params[0], scratch, {index, size, lane, simdgroup}, [&](uint i) { return from[i]; });
  for (uint i = index; i < dim; i += size) to[i] = from[i] * r * weight[i];
}

/// norm/rms_norm.metal for one thread to a row.
[[any_threadgroup_size]]
kernel void rms_norm_no_scale_f32_v2(device const float4* x [[buffer(0)]],
                                     device float4* y [[buffer(1)]],
                                     constant float* params [[buffer(2)]],
                                     threadgroup float* scratch [[threadgroup(0)]],
                                     uint row [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint size [[threads_per_threadgroup]],
                                     uint lane [[thread_index_in_simdgroup]],
                                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]) & ~3u;
  device const float* from = (device const float*)x + ulong(row) * dim;
  device float* to = (device float*)y + ulong(row) * dim;
  const float r = inverse_rms_of(dim, params[0], scratch, {index, size, lane, simdgroup}, [&](uint i) { return from[i]; });
  for (uint i = index; i < dim; i += size) to[i] = from[i] * r;
}

/// norm/fused_norm_add_f32.metal for one thread to a row.
[[any_threadgroup_size]]
kernel void fused_norm_add_f32_v2(device const float4* residual [[buffer(0)]],
                                  device const float4* x [[buffer(1)]],
                                  device const float4* w [[buffer(2)]],
                                  device float4* out [[buffer(3)]],
                                  constant uint& dim [[buffer(4)]],
                                  constant uint& rows [[buffer(5)]],
                                  constant float& eps [[buffer(6)]],
                                  threadgroup float* scratch [[threadgroup(0)]],
                                  uint row [[threadgroup_position_in_grid]],
                                  uint index [[thread_index_in_threadgroup]],
                                  uint size [[threads_per_threadgroup]],
                                  uint lane [[thread_index_in_simdgroup]],
                                  uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= rows) return;
  const uint width = dim & ~3u;
  const ulong base = ulong(row) * width;
  device const float *from = (device const float*)x + base, *added = (device const float*)residual + base;
  device const float* weight = (device const float*)w;
  device float* to = (device float*)out + base;
  const float r = inverse_rms_of(width, eps, scratch, {index, size, lane, simdgroup}, [&](uint i) { return from[i]; });
  for (uint i = index; i < width; i += size) to[i] = added[i] + from[i] * r * weight[i];
}
