#include <metal_stdlib>
#include "common/routing.h"
#if ANYMETAL_NVIDIA
#include "nvidia/routed_lanes.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: fused_moe_routing_f32 fused_moe_routing_batch_f32 moe_softmax_topk_f32 moe_gather_topk_weights

struct RoutingParams {
  uint experts;
  uint k;
};

/// p = softmax(logits); ids = the k experts of largest p, of equal ones the lowest first; weight = p / (sum of the k p)
/// times the expert's scale. Where softmax is undefined (no logit above -inf, or +inf or NaN among them), and in slots that
/// no expert is left for, the id and the weight are 0.
///
/// buffer 0: logits [N, E]; 1: ids u32 [N, k]; 2: weights [N, k]; 3: scale [E]; 4: u32 {E, k}
/// grid: threadgroups (N), the single-token form (1); any threadgroup size, one simdgroup works. tolerance: 1e-5
template <bool kBatch>
kernel void fused_moe_routing(device const float* logits [[buffer(0)]],
                              device uint* ids [[buffer(1)]],
                              device float* weights [[buffer(2)]],
                              device const float* scale [[buffer(3)]],
                              constant RoutingParams& p [[buffer(4)]],
                              uint group [[threadgroup_position_in_grid]],
                              uint groups [[threadgroups_per_grid]],
                              uint size [[threads_per_threadgroup]],
                              uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  for_token(group, kBatch ? groups : 1, {lane, size, lane, simdgroup}, [&](uint token, Team team) {
    device uint* own_ids = ids + ulong(token) * p.k;
    device float* own_weights = weights + ulong(token) * p.k;
#if ANYMETAL_NVIDIA
    if (p.experts <= kRoutedExperts && p.k <= 32 && team.size == 32) {
      const RoutedLane own = route_in_registers(logits + ulong(token) * p.experts, p.experts, p.k, lane);
      if (lane >= p.k) return;
      own_ids[lane] = own.id;
      own_weights[lane] = own.sum > 0.0f ? own.probability / own.sum * scale[own.id] : 0.0f;
      return;
    }
#endif
    const float sum = route(logits + ulong(token) * p.experts, p.experts, p.k, team, own_ids, own_weights);
    if (lane != 0) return;
    for (uint slot = 0; slot < p.k; ++slot) own_weights[slot] = sum > 0.0f ? own_weights[slot] / sum * scale[own_ids[slot]] : 0.0f;
  });
}

template [[host_name("fused_moe_routing_f32")]] kernel void fused_moe_routing<false>(
    device const float*, device uint*, device float*, device const float*, constant RoutingParams&, uint, uint, uint, uint, uint);
template [[host_name("fused_moe_routing_batch_f32")]] kernel void fused_moe_routing<true>(
    device const float*, device uint*, device float*, device const float*, constant RoutingParams&, uint, uint, uint, uint, uint);

struct SoftmaxTopKParams {
  uint tokens;
  uint experts;
  uint k;
  float pad;
};
static_assert(sizeof(SoftmaxTopKParams) == 16, "the layout is part of the kernel's contract");

/// fused_moe_routing without the scale.
///
/// buffer 0: SoftmaxTopKParams; 1: logits [N, E]; 2: ids u32 [N, k]; 3: weights [N, k]
/// grid: threadgroups (N), any threadgroup size, one simdgroup works. tolerance: 1e-5
kernel void moe_softmax_topk_f32(constant SoftmaxTopKParams& p [[buffer(0)]],
                                 device const float* logits [[buffer(1)]],
                                 device uint* ids [[buffer(2)]],
                                 device float* weights [[buffer(3)]],
                                 uint group [[threadgroup_position_in_grid]],
                                 uint size [[threads_per_threadgroup]],
                                 uint lane [[thread_index_in_simdgroup]],
                                 uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  for_token(group, p.tokens, {lane, size, lane, simdgroup}, [&](uint token, Team team) {
    device float* own_weights = weights + ulong(token) * p.k;
#if ANYMETAL_NVIDIA
    if (p.experts <= kRoutedExperts && p.k <= 32 && team.size == 32) {
      const RoutedLane own = route_in_registers(logits + ulong(token) * p.experts, p.experts, p.k, lane);
      if (lane >= p.k) return;
      ids[ulong(token) * p.k + lane] = own.id;
      own_weights[lane] = own.sum > 1e-9f ? own.probability / own.sum : own.probability;
      return;
    }
#endif
    const float sum = route(logits + ulong(token) * p.experts, p.experts, p.k, team, ids + ulong(token) * p.k, own_weights);
    if (lane != 0 || !(sum > 1e-9f)) return;
    for (uint slot = 0; slot < p.k; ++slot) own_weights[slot] /= sum;
  });
}

/// ids = the first k of `order`; weight = p[id] / (sum of the k p) times the expert's scale, 0 where that sum is not
/// positive. An id past the last expert has probability and weight 0.
///
/// buffer 0: p [E]; 1: order u32 [E], largest p first; 2: scale [E]; 3: ids u32 [k]; 4: weights [k]; 5: u32 {E, k}
/// grid: threads (1). tolerance: 1e-6
kernel void moe_gather_topk_weights(device const float* probabilities [[buffer(0)]],
                                    device const uint* order [[buffer(1)]],
                                    device const float* scale [[buffer(2)]],
                                    device uint* ids [[buffer(3)]],
                                    device float* weights [[buffer(4)]],
                                    constant RoutingParams& p [[buffer(5)]],
                                    uint thread_index [[thread_position_in_grid]]) {
  if (thread_index != 0) return;
  float sum = 0.0f;
  for (uint slot = 0; slot < p.k; ++slot) {
    const uint id = order[slot];
    ids[slot] = id;
    if (id < p.experts) sum += probabilities[id];
  }
  const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
  for (uint slot = 0; slot < p.k; ++slot) {
    const uint id = ids[slot];
    weights[slot] = id < p.experts ? probabilities[id] * inverse * scale[id] : 0.0f;
  }
}
