#include <metal_stdlib>
#include "common/top_k.h"
#include "cpu/expert_keys.h"
#include "cpu/row_softmax.h"
using namespace metal;
using namespace anymetal;

// kernels: moe_gate fused_moe_routing_f32 fused_moe_routing_batch_f32 moe_softmax_topk_f32

struct RoutingParams {
  uint experts;
  uint k;
};

struct SoftmaxTopKParams {
  uint tokens;
  uint experts;
  uint k;
  float pad;
};

// The first of the logits that comes after `last`, or kAfterAll. A row's end is filled with NaN, which has no place.
template <class Logits>
Candidate next_largest(uint experts, Candidate last, Logits logits) {
  WideF best = kAfterAll.value;
  Int16 where = kAfterAll.index;
  for_each_wide(experts, NAN, [&](uint i) { return Wide::load(logits + i); }, [&](uint i) { return logits[i]; },
                [&](uint i, WideF value) {
                  const Int16 index = lane_numbers() + int(i);
                  const Int16 is_left = (value < last.value) | ((value == last.value) & (index > last.index));
                  const Int16 is_first = is_left & ((value > best) | ((value == best) & (index < where)));
                  best = is_first ? value : best;
                  where = is_first ? index : where;
                });
  const float top = __builtin_reduce_max(best);
  const Int16 nowhere = kAfterAll.index;
  return {top, __builtin_reduce_min(best == top ? where : nowhere)};
}

template <uint kVectors, class Note>
void choose_in_registers(thread ExpertKeys& keys, uint experts, uint k, Note note) {
  typedef RegisterKeys<kVectors> Keys;
  for (uint i = (experts + 15) / 16 * 16; i < Keys::kMost; i += 16) *(thread Int16*)(keys.keys + i) = ExpertKeys::kNone;
  Keys left(keys.keys);
  for (uint slot = 0; slot < k; ++slot) {
    uint expert;
    float logit;
    const bool is_left = left.take(expert, logit);
    note(slot, is_left ? expert : 0u, is_left ? logit : kAfterAll.value);
  }
}

// Runs note(slot, expert, logit) for the k experts of largest logit as choose_experts (common/routing.h) does.
template <class Logits, class Note>
void choose(uint experts, uint k, Logits logits, Note note) {
  if (experts <= ExpertKeys::kMost) {
    ExpertKeys keys(experts, logits);
    if (experts <= 128) return choose_in_registers<8>(keys, experts, k, note);
    if (experts <= 256) return choose_in_registers<16>(keys, experts, k, note);
    for (uint slot = 0; slot < k; ++slot) {
      uint expert = 0;
      float logit = kAfterAll.value;
      keys.take(experts, expert, logit);
      note(slot, expert, logit);
    }
    return;
  }
  Candidate last = kBeforeAll;
  for (uint slot = 0; slot < k; ++slot) {
    last = next_largest(experts, last, logits);
    note(slot, last.index == kAfterAll.index ? 0u : uint(last.index), last.value);
  }
}

// route (common/routing.h) by one core.
inline float route(device const float* logits, uint experts, uint k, device uint* ids, device float* probabilities) {
  const WideSoftmax softmax = wide_softmax(experts, [&](uint i) { return Wide::load(logits + i); }, [&](uint i) { return logits[i]; });
  const bool defined = softmax.inverse_sum > 0.0f;
  if (!defined) {
    for (uint slot = 0; slot < k; ++slot) ids[slot] = 0, probabilities[slot] = 0.0f;
    return 0.0f;
  }
  choose(experts, k, logits, [&](uint slot, uint expert, float logit) { ids[slot] = expert, probabilities[slot] = logit; });
  WideF chosen = 0.0f;
  for_each_wide(k, -INFINITY, [&](uint i) { return Wide::load(probabilities + i); }, [&](uint i) { return probabilities[i]; },
                [&](uint i, WideF logit) {
                  const WideF probability = softmax(logit);
                  chosen += probability;
                  wide_store(probabilities, i, k, probability);
                });
  return Wide::sum(chosen);
}

/// moe/routing.metal for a core that takes a token.
template <bool kBatch>
kernel void fused_moe_routing(device const float* logits [[buffer(0)]],
                              device uint* ids [[buffer(1)]],
                              device float* weights [[buffer(2)]],
                              device const float* scale [[buffer(3)]],
                              constant RoutingParams& p [[buffer(4)]],
                              uint token [[threadgroup_position_in_grid]]) {
  if (!kBatch && token != 0) return;
  ids += ulong(token) * p.k;
  weights += ulong(token) * p.k;
  const float sum = route(logits + ulong(token) * p.experts, p.experts, p.k, ids, weights);
  for (uint slot = 0; slot < p.k; ++slot) weights[slot] = sum > 0.0f ? weights[slot] / sum * scale[ids[slot]] : 0.0f;
}

template [[host_name("fused_moe_routing_f32")]] kernel void fused_moe_routing<false>(
    device const float*, device uint*, device float*, device const float*, constant RoutingParams&, uint);
template [[host_name("fused_moe_routing_batch_f32")]] kernel void fused_moe_routing<true>(
    device const float*, device uint*, device float*, device const float*, constant RoutingParams&, uint);

/// moe/routing.metal for a core that takes a token.
kernel void moe_softmax_topk_f32(constant SoftmaxTopKParams& p [[buffer(0)]],
                                 device const float* logits [[buffer(1)]],
                                 device uint* ids [[buffer(2)]],
                                 device float* weights [[buffer(3)]],
                                 uint token [[threadgroup_position_in_grid]]) {
  if (token >= p.tokens) return;
  ids += ulong(token) * p.k;
  weights += ulong(token) * p.k;
  const float sum = route(logits + ulong(token) * p.experts, p.experts, p.k, ids, weights);
  if (!(sum > 1e-9f)) return;
  for (uint slot = 0; slot < p.k; ++slot) weights[slot] /= sum;
}

// The products of N of the router's rows with x.
template <uint N>
void row_dots(device const float* rows, threadgroup const float* x, uint dim, threadgroup float* logits) {
  WideF sums[N] = {};
  uint i = 0;
  for (; i + 16 <= dim; i += 16) {
    const WideF part = Wide::load(x + i);
    for (uint n = 0; n < N; ++n) sums[n] += part * Wide::load(rows + ulong(n) * dim + i);
  }
  for (uint n = 0; n < N; ++n) {
    float sum = Wide::sum(sums[n]);
    for (uint j = i; j < dim; ++j) sum += x[j] * rows[ulong(n) * dim + j];
    logits[n] = sum;
  }
}

/// moe/moe_gate.metal for a core that takes a token.
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
                     uint token [[threadgroup_position_in_grid]]) {
  threadgroup float* logits = normalised + dim;
  x += ulong(token) * dim;
  ids += ulong(token) * k;
  weights += ulong(token) * k;
  float squares = 0.0f;
  for (uint i = 0; i < dim; ++i) squares += float(x[i]) * float(x[i]);
  const float r = rsqrt(squares / float(dim) + eps);
  for (uint i = 0; i < dim; ++i) normalised[i] = float(x[i]) * r * norm[i];
  uint expert = 0;
  for (; expert + 8 <= experts; expert += 8) row_dots<8>(router + ulong(expert) * dim, normalised, dim, logits + expert);
  for (; expert < experts; ++expert) row_dots<1>(router + ulong(expert) * dim, normalised, dim, logits + expert);

  float top = 0.0f, sum = 0.0f;
  choose(experts, k, logits, [&](uint slot, uint chosen, float logit) {
    if (slot == 0) top = logit;
    ids[slot] = chosen;
    sum += weights[slot] = slot < experts ? exp(logit - top) * scale[chosen] : 0.0f;
  });
  for (uint slot = 0; slot < k; ++slot) weights[slot] = sum != 0.0f ? weights[slot] / sum : 0.0f;
}
