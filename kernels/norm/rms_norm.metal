#include <metal_stdlib>
#include "common/reduce.h"
#include "common/shares.h"
using namespace metal;
using namespace anymetal;

// kernels: rms_norm_f32 rms_norm_f16 rms_norm_bf16 rms_norm_mul_f32 rms_norm_mul_f16 rms_norm_mul_bf16
// kernels: rms_norm_no_scale_f32 rms_norm_no_scale_bf16 rms_norm_f32_v2 rms_norm_no_scale_f32_v2

// 1 / sqrt(mean(x^2) + eps) of one row, in f32.
template <class T>
float inverse_rms(device const T* x, uint dim, float eps, threadgroup float* scratch, Team team) {
  float squares = 0.0f;
  for_share(dim, team.index, team.size, [=](uint i) { return float(x[i]); }, [&](uint, float v) { squares += v * v; });
  return rsqrt(threadgroup_sum(squares, scratch, team) / float(dim) + eps);
}

inline float inverse_rms(device const float4* x, uint dim, float eps, threadgroup float* scratch, Team team) {
  float squares = 0.0f;
  for_share(dim / 4, team.index, team.size, [=](uint i) { return x[i]; }, [&](uint, float4 v) { squares += dot(v, v); });
  return rsqrt(threadgroup_sum(squares, scratch, team) / float(dim) + eps);
}

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
  const float r = inverse_rms(x + base, dim, params[0], scratch, team);
  for_share(dim, index, size, [=](uint i) { return float(x[base + i]) * r * float(w[i]); }, [=](uint i, float v) { y[base + i] = T(v); });
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
  const float r = inverse_rms(x + base, dim, params[0], scratch, team);
  for_share(dim / 4, index, size, [=](uint i) { return x[base + i] * r * w[i]; }, [=](uint i, float4 v) { y[base + i] = v; });
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
  const float r = inverse_rms(x + base, dim, params[0], scratch, team);
  for_share(dim, index, size, [=](uint i) { return float(x[base + i]) * r; }, [=](uint i, float v) { y[base + i] = T(v); });
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
  const float r = inverse_rms(x + base, dim, params[0], scratch, team);
  for_share(dim / 4, index, size, [=](uint i) { return x[base + i] * r; }, [=](uint i, float4 v) { y[base + i] = v; });
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
  const float r = inverse_rms(x + base, dim, params[0], scratch, team);
  for_share(dim, index, size, [=](uint i) { return float(x[base + i]) * r * float(w[i]) * float(s[base + i]); },
            [=](uint i, float v) { y[base + i] = T(v); });
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
