#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: fused_norm_add_bf16 fused_norm_add_no_weight_bf16 fused_norm_add_scalar_f32 fused_residual_norm_scalar_f32
// kernels: fused_post_attn_triple_norm_f32 fused_post_ff_norm2_endlayer_f32

/// out = residual + x / sqrt(mean(x^2) + eps) * w per row, in f32 and rounded once.
///
/// buffer 0: residual [R, D]; 1: x [R, D]; 2: w [D]; 3: out [R, D]; 4: dim u32; 5: rows u32; 6: eps f32; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual. tolerance: 8e-3
[[any_threadgroup_size]]
kernel void fused_norm_add_bf16(device const bfloat* residual [[buffer(0)]],
                                device const bfloat* x [[buffer(1)]],
                                device const bfloat* w [[buffer(2)]],
                                device bfloat* out [[buffer(3)]],
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
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float3(float(x[base + i]), float(residual[base + i]), float(w[i])); },
                [](float3 v) { return v.x; }, InverseRms{dim, eps}, [=](uint i, float3 v, float r) { out[base + i] = bfloat(v.y + v.x * r * v.z); });
}

/// fused_norm_add_bf16 without a weight; the buffers after x move up by one.
///
/// buffer 0: residual [R, D]; 1: x [R, D]; 2: out [R, D]; 3: dim u32; 4: rows u32; 5: eps f32; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual. tolerance: 8e-3
[[any_threadgroup_size]]
kernel void fused_norm_add_no_weight_bf16(device const bfloat* residual [[buffer(0)]],
                                          device const bfloat* x [[buffer(1)]],
                                          device bfloat* out [[buffer(2)]],
                                          constant uint& dim [[buffer(3)]],
                                          constant uint& rows [[buffer(4)]],
                                          constant float& eps [[buffer(5)]],
                                          threadgroup float* scratch [[threadgroup(0)]],
                                          uint row [[threadgroup_position_in_grid]],
                                          uint index [[thread_index_in_threadgroup]],
                                          uint size [[threads_per_threadgroup]],
                                          uint lane [[thread_index_in_simdgroup]],
                                          uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= rows) return;
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float2(float(x[base + i]), float(residual[base + i])); },
                [](float2 v) { return v.x; }, InverseRms{dim, eps}, [=](uint i, float2 v, float r) { out[base + i] = bfloat(v.y + v.x * r); });
}

struct ScaledNormParams {
  uint dim, rows;
  float eps;
  uint scale_per_column;  // 0: scale[0] for every column
};

/// out = (residual + x / sqrt(mean(x^2) + eps) * w) * scale per row.
///
/// buffer 0: residual f32 [R, D]; 1: x f32 [R, D]; 2: w f32 [D]; 3: out f32 [R, D]; 4: scale f32 [1] or [D]; 5: ScaledNormParams;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual or x. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_norm_add_scalar_f32(device const float* residual [[buffer(0)]],
                                      device const float* x [[buffer(1)]],
                                      device const float* w [[buffer(2)]],
                                      device float* out [[buffer(3)]],
                                      device const float* scale [[buffer(4)]],
                                      constant ScaledNormParams& p [[buffer(5)]],
                                      threadgroup float* scratch [[threadgroup(0)]],
                                      uint row [[threadgroup_position_in_grid]],
                                      uint index [[thread_index_in_threadgroup]],
                                      uint size [[threads_per_threadgroup]],
                                      uint lane [[thread_index_in_simdgroup]],
                                      uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= p.rows) return;
  const ulong base = ulong(row) * p.dim;
  const uint per_column = p.scale_per_column;
  normalise_row(p.dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float4(x[base + i], residual[base + i], w[i], scale[per_column != 0 ? i : 0]); },
                [](float4 v) { return v.x; }, InverseRms{p.dim, p.eps}, [=](uint i, float4 v, float r) { out[base + i] = (v.y + v.x * r * v.z) * v.w; });
}

/// out = s / sqrt(mean(s^2) + eps) * w * scale with s = residual + x, per row.
///
/// buffer 0: residual f32 [R, D]; 1: x f32 [R, D]; 2: w f32 [D]; 3: out f32 [R, D]; 4: scale f32 [1] or [D]; 5: ScaledNormParams;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual or x. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_residual_norm_scalar_f32(device const float* residual [[buffer(0)]],
                                           device const float* x [[buffer(1)]],
                                           device const float* w [[buffer(2)]],
                                           device float* out [[buffer(3)]],
                                           device const float* scale [[buffer(4)]],
                                           constant ScaledNormParams& p [[buffer(5)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint row [[threadgroup_position_in_grid]],
                                           uint index [[thread_index_in_threadgroup]],
                                           uint size [[threads_per_threadgroup]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= p.rows) return;
  const ulong base = ulong(row) * p.dim;
  const uint per_column = p.scale_per_column;
  normalise_row(p.dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float3(residual[base + i] + x[base + i], w[i], scale[per_column != 0 ? i : 0]); },
                [](float3 v) { return v.x; }, InverseRms{p.dim, p.eps}, [=](uint i, float3 v, float r) { out[base + i] = v.x * r * v.y * v.z; });
}

struct TripleNormParams {
  float eps;
  uint dim;
};

/// u = hidden + attn / sqrt(mean(attn^2) + eps) * w; out_k = u / sqrt(mean(u^2) + eps) * w_k for three weights, per row.
///
/// buffer 0: hidden [R, D]; 1: attn [R, D]; 2: w [D]; 3-5: w_a, w_b, w_c [D]; 6: u [R, D]; 7-9: out_a, out_b, out_c [R, D]; 10: TripleNormParams;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. u may be hidden, an output an input; the four outputs must differ. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_post_attn_triple_norm_f32(device const float* hidden [[buffer(0)]],
                                            device const float* attn [[buffer(1)]],
                                            device const float* w [[buffer(2)]],
                                            device const float* w_a [[buffer(3)]],
                                            device const float* w_b [[buffer(4)]],
                                            device const float* w_c [[buffer(5)]],
                                            device float* u [[buffer(6)]],
                                            device float* out_a [[buffer(7)]],
                                            device float* out_b [[buffer(8)]],
                                            device float* out_c [[buffer(9)]],
                                            constant TripleNormParams& p [[buffer(10)]],
                                            threadgroup float* scratch [[threadgroup(0)]],
                                            uint row [[threadgroup_position_in_grid]],
                                            uint index [[thread_index_in_threadgroup]],
                                            uint size [[threads_per_threadgroup]],
                                            uint lane [[thread_index_in_simdgroup]],
                                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const ulong base = ulong(row) * p.dim;
  const InverseRms inverse = {p.dim, p.eps};
  normalise_row(p.dim, scratch, team, [=](uint i) { return float3(attn[base + i], hidden[base + i], w[i]); }, [](float3 v) { return v.x; }, inverse,
                [=](uint i, float3 v, float r) { u[base + i] = v.y + v.x * r * v.z; });
  // Each thread reads back only what it wrote itself.
  normalise_row<4>(p.dim, scratch, team, [=](uint i) { return float4(u[base + i], w_a[i], w_b[i], w_c[i]); }, [](float4 v) { return v.x; }, inverse,
                [=](uint i, float4 v, float r) {
                  const float n = v.x * r;
                  out_a[base + i] = n * v.y;
                  out_b[base + i] = n * v.z;
                  out_c[base + i] = n * v.w;
                });
}

struct EndLayerParams {
  float eps;
  uint dim;
  uint scale_per_column;  // 0: scale[0] for every column
};

/// v = attn + m / sqrt(mean(m^2) + eps) * w2; hidden = (residual + v / sqrt(mean(v^2) + eps) * w3) * scale, per row.
///
/// buffer 0: attn [R, D]; 1: m [R, D]; 2: residual [R, D]; 3: w2 [D]; 4: w3 [D]; 5: scale [1] or [D]; 6: v [R, D]; 7: hidden [R, D]; 8: EndLayerParams;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. hidden may be residual, v may be attn. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_post_ff_norm2_endlayer_f32(device const float* attn [[buffer(0)]],
                                             device const float* m [[buffer(1)]],
                                             device const float* residual [[buffer(2)]],
                                             device const float* w2 [[buffer(3)]],
                                             device const float* w3 [[buffer(4)]],
                                             device const float* scale [[buffer(5)]],
                                             device float* v [[buffer(6)]],
                                             device float* hidden [[buffer(7)]],
                                             constant EndLayerParams& p [[buffer(8)]],
                                             threadgroup float* scratch [[threadgroup(0)]],
                                             uint row [[threadgroup_position_in_grid]],
                                             uint index [[thread_index_in_threadgroup]],
                                             uint size [[threads_per_threadgroup]],
                                             uint lane [[thread_index_in_simdgroup]],
                                             uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const ulong base = ulong(row) * p.dim;
  const InverseRms inverse = {p.dim, p.eps};
  const uint per_column = p.scale_per_column;
  normalise_row(p.dim, scratch, team, [=](uint i) { return float3(m[base + i], attn[base + i], w2[i]); }, [](float3 a) { return a.x; }, inverse,
                [=](uint i, float3 a, float r) { v[base + i] = a.y + a.x * r * a.z; });
  // Each thread reads back only what it wrote itself.
  normalise_row(p.dim, scratch, team, [=](uint i) { return float4(v[base + i], residual[base + i], w3[i], scale[per_column != 0 ? i : 0]); },
                [](float4 a) { return a.x; }, inverse, [=](uint i, float4 a, float r) { hidden[base + i] = (a.y + a.x * r * a.z) * a.w; });
}
