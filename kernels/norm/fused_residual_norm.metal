#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

struct ResidualNormParams {
  uint dim;
  uint rows;
  float eps;
  uint write_sum;
};

/// normed = s / sqrt(mean(s^2) + eps) * w with s = residual + x, per row; sum = s where write_sum is not 0.
///
/// buffer 0: residual f32 [R, D]; 1: x f32 [R, D]; 2: w f32 [D]; 3: normed f32 [R, D]; 4: sum f32 [R, D] (any buffer
/// where unused); 5: ResidualNormParams; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. An output may be an input; the outputs must differ. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_residual_norm_f32(device const float* residual [[buffer(0)]],
                                    device const float* x [[buffer(1)]],
                                    device const float* w [[buffer(2)]],
                                    device float* normed [[buffer(3)]],
                                    device float* sum [[buffer(4)]],
                                    constant ResidualNormParams& p [[buffer(5)]],
                                    threadgroup float* scratch [[threadgroup(0)]],
                                    uint row [[threadgroup_position_in_grid]],
                                    uint index [[thread_index_in_threadgroup]],
                                    uint size [[threads_per_threadgroup]],
                                    uint lane [[thread_index_in_simdgroup]],
                                    uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= p.rows) return;
  const ulong base = ulong(row) * p.dim;
  const uint write_sum = p.write_sum;
  // s is formed before either store: an output may overwrite an input.
  normalise_row(p.dim, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float2(residual[base + i] + x[base + i], w[i]); },
                [](float2 s) { return s.x; }, InverseRms{p.dim, p.eps}, [=](uint i, float2 s, float r) {
                  if (write_sum != 0) sum[base + i] = s.x;
                  normed[base + i] = s.x * r * s.y;
                });
}
