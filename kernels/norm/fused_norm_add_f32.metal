#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

/// out = residual + x / sqrt(mean(x^2) + eps) * w per row (Gemma's post-norms).
///
/// buffer 0: residual f32 [R, D]; 1: x f32 [R, D]; 2: w f32 [D]; 3: out f32 [R, D]; 4: dim u32; 5: rows u32; 6: eps f32;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual or x. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_norm_add_f32(device const float* residual [[buffer(0)]],
                               device const float* x [[buffer(1)]],
                               device const float* w [[buffer(2)]],
                               device float* out [[buffer(3)]],
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
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float3(x[base + i], residual[base + i], w[i]); },
                [](float3 v) { return v.x; }, InverseRms{dim, eps}, [=](uint i, float3 v, float r) { out[base + i] = v.y + v.x * r * v.z; });
}

/// fused_norm_add_f32 with 16-byte accesses: D a multiple of 4, rows 16-byte aligned.
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
  const uint vectors = dim / 4;
  const ulong base = ulong(row) * vectors;
  float squares = 0.0f;
  for (uint i = index; i < vectors; i += size) squares += dot(x[base + i], x[base + i]);
  const float r = rsqrt(threadgroup_sum(squares, scratch, {index, size, lane, simdgroup}) / float(dim) + eps);
  for (uint i = index; i < vectors; i += size) out[base + i] = residual[base + i] + x[base + i] * r * w[i];
}
