#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: l2_norm_f32 l2_norm_f16 l2_norm_bf16 rms_norm_no_scale_f32_dual rms_norm_no_scale_f32_dual_perm rms_norm_f32_triple

/// y = x / sqrt(sum(x^2) + eps) per row: eps joins the sum, inside the root. In f32, rounded once.
///
/// buffer 0: x [R, D]; 1: y [R, D]; 2: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x. Source: arXiv 2412.06464. tolerance: f32 1e-5, f16 1e-3, bf16 8e-3
template <class T>
[[any_threadgroup_size]]
kernel void l2_norm(device const T* x [[buffer(0)]],
                    device T* y [[buffer(1)]],
                    constant float* params [[buffer(2)]],
                    threadgroup float* scratch [[threadgroup(0)]],
                    uint row [[threadgroup_position_in_grid]],
                    uint index [[thread_index_in_threadgroup]],
                    uint size [[threads_per_threadgroup]],
                    uint lane [[thread_index_in_simdgroup]],
                    uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  const float eps = params[0];
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float(x[base + i]); }, [=](float squares) { return rsqrt(squares + eps); },
                [=](uint i, float v, float r) { y[base + i] = T(v * r); });
}

#define INSTANTIATE(name, T) \
  template [[host_name("l2_norm_" name)]] kernel void l2_norm<T>( \
      device const T*, device T*, constant float*, threadgroup float*, uint, uint, uint, uint, uint);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)

/// y = x / sqrt(mean(x^2) + eps) per row, and a bf16 copy of y.
///
/// buffer 0: x f32 [R, D]; 1: y f32 [R, D]; 2: params f32 {eps, D}; 3: copy bf16 [R, D]; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x. tolerance: 1e-5; the copy is y rounded once
[[any_threadgroup_size]]
kernel void rms_norm_no_scale_f32_dual(device const float* x [[buffer(0)]],
                                       device float* y [[buffer(1)]],
                                       constant float* params [[buffer(2)]],
                                       device bfloat* copy [[buffer(3)]],
                                       threadgroup float* scratch [[threadgroup(0)]],
                                       uint row [[threadgroup_position_in_grid]],
                                       uint index [[thread_index_in_threadgroup]],
                                       uint size [[threads_per_threadgroup]],
                                       uint lane [[thread_index_in_simdgroup]],
                                       uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return x[base + i]; }, InverseRms{dim, params[0]}, [=](uint i, float v, float r) {
    y[base + i] = v * r;
    copy[base + i] = bfloat(v * r);
  });
}

/// rms_norm_no_scale_f32_dual with the copy in head-major order: row t H + h of x goes to row h S + t of the copy.
///
/// buffer 0: x f32 [S, H, D]; 1: y f32 [S, H, D]; 2: params f32 {eps, D}; 3: copy bf16 [H, S, D]; 4: u32 {H, S};
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (S H), any threadgroup size. y may be x. tolerance: 1e-5; the copy is y rounded once
[[any_threadgroup_size]]
kernel void rms_norm_no_scale_f32_dual_perm(device const float* x [[buffer(0)]],
                                            device float* y [[buffer(1)]],
                                            constant float* params [[buffer(2)]],
                                            device bfloat* copy [[buffer(3)]],
                                            constant uint2& heads_and_tokens [[buffer(4)]],
                                            threadgroup float* scratch [[threadgroup(0)]],
                                            uint row [[threadgroup_position_in_grid]],
                                            uint index [[thread_index_in_threadgroup]],
                                            uint size [[threads_per_threadgroup]],
                                            uint lane [[thread_index_in_simdgroup]],
                                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]), heads = heads_and_tokens.x, tokens = heads_and_tokens.y;
  if (row >= heads * tokens) return;
  const ulong base = ulong(row) * dim, copy_base = (ulong(row % heads) * tokens + row / heads) * dim;
  normalise_row(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return x[base + i]; }, InverseRms{dim, params[0]}, [=](uint i, float v, float r) {
    y[base + i] = v * r;
    copy[copy_base + i] = bfloat(v * r);
  });
}

/// n = x / sqrt(mean(x^2) + eps) per row; out_k = n * w_k for three weights.
///
/// buffer 0: x [R, D]; 1-3: w_a, w_b, w_c [D]; 4-6: out_a, out_b, out_c [R, D]; 7: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out_a may be x; the outputs must differ. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void rms_norm_f32_triple(device const float* x [[buffer(0)]],
                                device const float* w_a [[buffer(1)]],
                                device const float* w_b [[buffer(2)]],
                                device const float* w_c [[buffer(3)]],
                                device float* out_a [[buffer(4)]],
                                device float* out_b [[buffer(5)]],
                                device float* out_c [[buffer(6)]],
                                constant float* params [[buffer(7)]],
                                threadgroup float* scratch [[threadgroup(0)]],
                                uint row [[threadgroup_position_in_grid]],
                                uint index [[thread_index_in_threadgroup]],
                                uint size [[threads_per_threadgroup]],
                                uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  normalise_row<4>(dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float4(x[base + i], w_a[i], w_b[i], w_c[i]); },
                [](float4 v) { return v.x; }, InverseRms{dim, params[0]}, [=](uint i, float4 v, float r) {
                  const float n = v.x * r;
                  out_a[base + i] = n * v.y;
                  out_b[base + i] = n * v.z;
                  out_c[base + i] = n * v.w;
                });
}
