#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: rms_norm_f32 rms_norm_f16 rms_norm_bf16 rms_norm_mul_f32 rms_norm_mul_f16 rms_norm_mul_bf16
// kernels: rms_norm_no_scale_f32 rms_norm_no_scale_bf16 rms_norm_f32_v2 rms_norm_no_scale_f32_v2

/// y = x / sqrt(mean(x^2) + eps) * w per row.
///
/// buffer 0: x [R, D]; 1: w [D]; 2: y [R, D]; 3: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x.
/// The f16 form reads an f32 weight. tolerance: f32 1e-5, f16 1e-3, bf16 8e-3
template <class T, class W>
[[any_threadgroup_size]]
kernel void rms_norm(device const T* x [[buffer(0)]],
                     device const W* w [[buffer(1)]],
                     device T* y [[buffer(2)]],
                     constant float* params [[buffer(3)]],
                     threadgroup float* scratch [[threadgroup(0)]],
                     uint row [[threadgroup_position_in_grid]],
                     uint index [[thread_index_in_threadgroup]],
                     uint size [[threads_per_threadgroup]],
                     uint lane [[thread_index_in_simdgroup]],
                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, team, [=](uint i) { return float2(float(x[base + i]), float(w[i])); }, [](float2 v) { return v.x; },
                InverseRms{dim, params[0]}, [=](uint i, float2 v, float r) { y[base + i] = T(v.x * r * v.y); });
}

/// rms_norm_f32 with 16-byte accesses: D a multiple of 4, rows 16-byte aligned.
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
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * (dim / 4);
  normalise_row(dim / 4, scratch, team, [=](uint i) { return x[base + i]; }, InverseRms{dim, params[0]},
                [=](uint i, float4 v, float r) { y[base + i] = v * r * w[i]; });
}

/// y = x / sqrt(mean(x^2) + eps) per row.
///
/// buffer 0: x [R, D]; 1: y [R, D]; 2: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x. tolerance: f32 1e-5, bf16 8e-3
template <class T>
[[any_threadgroup_size]]
kernel void rms_norm_no_scale(device const T* x [[buffer(0)]],
                              device T* y [[buffer(1)]],
                              constant float* params [[buffer(2)]],
                              threadgroup float* scratch [[threadgroup(0)]],
                              uint row [[threadgroup_position_in_grid]],
                              uint index [[thread_index_in_threadgroup]],
                              uint size [[threads_per_threadgroup]],
                              uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, team, [=](uint i) { return float(x[base + i]); }, InverseRms{dim, params[0]},
                [=](uint i, float v, float r) { y[base + i] = T(v * r); });
}

/// rms_norm_no_scale_f32 with 16-byte accesses: D a multiple of 4, rows 16-byte aligned.
kernel void rms_norm_no_scale_f32_v2(device const float4* x [[buffer(0)]],
                                     device float4* y [[buffer(1)]],
                                     constant float* params [[buffer(2)]],
                                     threadgroup float* scratch [[threadgroup(0)]],
                                     uint row [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint size [[threads_per_threadgroup]],
                                     uint lane [[thread_index_in_simdgroup]],
                                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * (dim / 4);
  normalise_row(dim / 4, scratch, team, [=](uint i) { return x[base + i]; }, InverseRms{dim, params[0]},
                [=](uint i, float4 v, float r) { y[base + i] = v * r; });
}

/// y = x / sqrt(mean(x^2) + eps) * w * s with a full-size factor s, rounded once.
///
/// buffer 0: x [R, D]; 1: w [D]; 2: s [R, D]; 3: y [R, D]; 4: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x or s. The f16 form reads an f32 weight.
/// tolerance: f32 1e-5, f16 2e-3, bf16 1e-2
template <class T, class W>
[[any_threadgroup_size]]
kernel void rms_norm_mul(device const T* x [[buffer(0)]],
                         device const W* w [[buffer(1)]],
                         device const T* s [[buffer(2)]],
                         device T* y [[buffer(3)]],
                         constant float* params [[buffer(4)]],
                         threadgroup float* scratch [[threadgroup(0)]],
                         uint row [[threadgroup_position_in_grid]],
                         uint index [[thread_index_in_threadgroup]],
                         uint size [[threads_per_threadgroup]],
                         uint lane [[thread_index_in_simdgroup]],
                         uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, team, [=](uint i) { return float3(float(x[base + i]), float(w[i]), float(s[base + i])); },
                [](float3 v) { return v.x; }, InverseRms{dim, params[0]}, [=](uint i, float3 v, float r) { y[base + i] = T(v.x * r * v.y * v.z); });
}

#define TEAM_TYPES constant float*, threadgroup float*, uint, uint, uint, uint, uint
#define INSTANTIATE_NORM(name, T, W) \
  template [[host_name("rms_norm_" name)]] kernel void rms_norm<T, W>( \
      device const T*, device const W*, device T*, TEAM_TYPES); \
  template [[host_name("rms_norm_mul_" name)]] kernel void rms_norm_mul<T, W>( \
      device const T*, device const W*, device const T*, device T*, TEAM_TYPES);
INSTANTIATE_NORM("f32", float, float)
INSTANTIATE_NORM("f16", half, float)
INSTANTIATE_NORM("bf16", bfloat, bfloat)

#define INSTANTIATE_NO_SCALE(name, T) \
  template [[host_name("rms_norm_no_scale_" name)]] kernel void rms_norm_no_scale<T>( \
      device const T*, device T*, TEAM_TYPES);
INSTANTIATE_NO_SCALE("f32", float)
INSTANTIATE_NO_SCALE("bf16", bfloat)
