#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
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
                               uint i [[thread_position_in_grid]],
                               uint group [[threadgroup_position_in_grid]],
                               uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
#if ANYMETAL_NVIDIA
  const uint heads = shape.heads;
  const auto store = [&](uint e, float2 v) {  // elements of alpha and of b
    const uint head = e % heads;
    g[e] = softplus(v.x + bias[head]) * -a[head];
    beta[e] = logistic(v.y);
  };
  for_element<float>({i, group, size}, uint(min(ulong(heads) * shape.tokens, ulong(~0u))), [&](uint e) { return float2(alpha[e], b[e]); }, store);
#else
  if (i >= ulong(shape.heads) * shape.tokens) return;
  const uint head = i % shape.heads;
  g[i] = softplus(alpha[i] + bias[head]) * -a[head];
  beta[i] = logistic(b[i]);
#endif
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
                              uint rows [[threadgroups_per_grid]],
                              uint index [[thread_index_in_threadgroup]],
                              uint size [[threads_per_threadgroup]],
                              uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[1]);
  const Team team = {index, size, lane, simdgroup};
  const InverseRms inverse = {dim, params[0]};
  const auto gate = [&](uint r, Team of_row) {
    const ulong base = ulong(r) * dim;
    normalise_row(dim, scratch, of_row, [=](uint i) { return float3(x[base + i], w[i], z[base + i]); }, [](float3 v) { return v.x; }, inverse,
                  [=](uint i, float3 v, float factor) { y[base + i] = v.x * factor * v.y * silu(v.z); });
  };
#if ANYMETAL_NVIDIA
  // Four rows, short ones by a simdgroup each.
  nvidia::take_every_threadgroup<4>();
  if (row % 4 != 0) return;
  if (dim <= 256 && size % 32 == 0) {
    for (uint r = row + simdgroup; r < min(row + 4, rows); r += size / 32) gate(r, own_simdgroup(team));
  } else {
    for (uint r = row; r < min(row + 4, rows); ++r) gate(r, team);
  }
  return;
#endif
  gate(row, team);
}
