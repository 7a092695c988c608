#include <metal_stdlib>
#include "common/routing.h"
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

/// h = x / sqrt(mean(x^2) + eps) * norm; logit[e] = h . router[e]; ids = the k experts of largest logit, of equal ones the
/// lowest first; q = softmax of the k logits; weight = q * scale / (sum over the k of q * scale): the weights sum to 1.
/// Where that sum is 0, and in slots that no expert is left for, the weight is 0.
///
/// buffer 0: x bf16 [N, D]; 1: router f32 [E, D]; 2: norm f32 [D]; 3: scale f32 [E]; 4: ids u32 [N, k]; 5: weights f32
/// [N, k]; 6: u32 D; 7: u32 E; 8: u32 k; 9: f32 eps; threadgroup 0: D + E floats, at least one per simdgroup
/// grid: threadgroups (N), any threadgroup size. tolerance: 1e-4
kernel void moe_gate(device const bfloat* x [[buffer(0)]],
                     device const float* router [[buffer(1)]],
                     device const float* norm [[buffer(2)]],
                     device const float* scale [[buffer(3)]],
                     device uint* ids [[buffer(4)]],
                     device float* weights [[buffer(5)]],
                     constant uint& dim [[buffer(6)]],
                     constant uint& experts [[buffer(7)]],
                     constant uint& k [[buffer(8)]],
                     constant float& eps [[buffer(9)]],
                     threadgroup float* normalised [[threadgroup(0)]],
                     uint token [[threadgroup_position_in_grid]],
                     uint index [[thread_index_in_threadgroup]],
                     uint size [[threads_per_threadgroup]],
                     uint lane [[thread_index_in_simdgroup]],
                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup float* logits = normalised + dim;
  const Team team = {index, size, lane, simdgroup}, own = own_simdgroup(team);
  x += ulong(token) * dim;
  const float r = inverse_rms_of(dim, eps, normalised, team, [&](uint i) { return float(x[i]); });
  for (uint i = index; i < dim; i += size) normalised[i] = float(x[i]) * r * norm[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);

  // A simdgroup takes the rows of four experts at a time; past the last expert they are its row once more.
  for (uint first = simdgroup * 4; first < experts; first += (size + 31) / 32 * 4) {
    const auto row = [&](uint e) { return router + ulong(min(first + e, experts - 1)) * dim; };
    device const float *row0 = row(0), *row1 = row(1), *row2 = row(2), *row3 = row(3);
    float4 sums = 0.0f;
    for_share(
        dim, lane, own.size, [&](uint i) { return float4(row0[i], row1[i], row2[i], row3[i]); },
        [&](uint i, float4 factors) { sums += normalised[i] * factors; });
    for (uint e = 0; e < 4; ++e) {
      const float sum = simd_sum(sums[e]);
      if (lane == 0 && first + e < experts) logits[first + e] = sum;
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  if (simdgroup != 0) return;
  ids += ulong(token) * k;
  weights += ulong(token) * k;
  // The sum of the softmax cancels out of the weights; only the largest logit is taken off.
  float top = 0.0f, sum = 0.0f;
  choose_experts(experts, k, own, [&](uint e) { return logits[e]; }, [&](uint slot, uint expert, float logit) {
    if (slot == 0) top = logit;
    ids[slot] = expert;
    sum += weights[slot] = slot < experts ? exp(logit - top) * scale[expert] : 0.0f;
  });
  if (lane != 0) return;
  for (uint slot = 0; slot < k; ++slot) weights[slot] = sum != 0.0f ? weights[slot] / sum : 0.0f;
}
