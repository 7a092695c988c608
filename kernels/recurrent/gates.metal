#include <metal_stdlib>
#include "common/activations.h"
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: compute_g_beta_f32 ssm_norm_gate_f32

struct GateShape {
  uint heads, tokens;
};

/// g = -a * ln(1 + e^(alpha + bias)) >= 0 and beta = 1 / (1 + e^-b): the decay exp(-g) and the write strength of the gated
/// delta rule from their projections; a = -exp(A_log) is given. All digits of g also where e^x is small.
///
/// buffer 0: alpha [T, H]; 1: b [T, H]; 2: bias [H]; 3: a [H]; 4: g [T, H]; 5: beta [T, H]; 6: u32 {H, T}
/// grid: threads (T * H). g may be alpha, beta may be b. tolerance: 5e-7 |ref| and what rounding x = alpha + bias costs
kernel void compute_g_beta_f32(device const float* alpha [[buffer(0)]],
                               device const float* b [[buffer(1)]],
                               device const float* bias [[buffer(2)]],
                               device const float* a [[buffer(3)]],
                               device float* g [[buffer(4)]],
                               device float* beta [[buffer(5)]],
                               constant GateShape& shape [[buffer(6)]],
                               uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i >= ulong(shape.heads) * shape.tokens) return;
  const uint head = i % shape.heads;
  g[i] = softplus(alpha[i] + bias[head]) * -a[head];
  beta[i] = logistic(b[i]);
}

/// y = x / sqrt(mean(x^2) + eps) * w * silu(z) per row, silu(z) = z / (1 + e^-z).
///
/// buffer 0: x [R, D]; 1: w [D]; 2: z [R, D]; 3: y [R, D]; 4: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x or z. tolerance: 1e-6 |y|
[[any_threadgroup_size]]
kernel void ssm_norm_gate_f32(device const float* x [[buffer(0)]],
                              device const float* w [[buffer(1)]],
                              device const float* z [[buffer(2)]],
                              device float* y [[buffer(3)]],
                              constant float* params [[buffer(4)]],
                              threadgroup float* scratch [[threadgroup(0)]],
                              uint row [[threadgroup_position_in_grid]],
                              uint index [[thread_index_in_threadgroup]],
                              uint size [[threads_per_threadgroup]],
                              uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  const Team team = {index, size, lane, simdgroup};
  const float r = inverse_rms_of(dim, params[0], scratch, team, [=](uint i) { return x[base + i]; });
  for (uint i = index; i < dim; i += size) y[base + i] = x[base + i] * r * w[i] * silu(z[base + i]);
}
