#include <metal_stdlib>
#include "common/any_attention.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/row_blocks.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: attention_f32kv attention_f16kv attention_bf16kv attention_q8_0kv

/// Attention with everything: o = softmax(cap(scale q K^T) + mask) V in f32, cap(s) = softcap tanh(s / softcap). Where there
/// are sinks, the head's own takes part in the softmax as a key without value. A simdgroup owns a query of a head: a lane
/// scores one key of 32 and owns every 32nd output.
///
/// The queries are the last of `keys` positions: query i is at p = keys - queries + i. It sees the keys up to p if causal is
/// not 0, with a window only those after p - window, and of them those whose mask is not -inf. Key j is in slot
/// (ring_start + j) mod CAP; slots without key are not read. A query that sees nothing gives zeros.
///
/// buffer 0: AttentionParams; 1: Q f32 [S, H, D]; 2: K; 3: V [H_kv, CAP, D] of f32, f16, bf16 or Q8_0 blocks; 4: O f32
/// [S, H, D]; 5: mask f32 [S, keys], or one for each head (any buffer without mask); 6: sinks f32 [H] (any buffer without)
/// D is a multiple of 8, for Q8_0 of 32, and 512 at most: for any other nothing is written.
/// grid: threadgroups (H, S), 32 threads. tolerance: 1e-5 + 2e-5 |ref|
template <class Row>
kernel void attention(constant AttentionParams& p [[buffer(0)]],
                      device const float* Q [[buffer(1)]],
                      device const uchar* K [[buffer(2)]],
                      device const uchar* V [[buffer(3)]],
                      device float* O [[buffer(4)]],
                      device const float* mask [[buffer(5)]],
                      device const float* sinks [[buffer(6)]],
                      uint3 group [[threadgroup_position_in_grid]],
                      uint lane [[thread_index_in_simdgroup]]) {
  constexpr uint kMaxOwned = 16;
  threadgroup float weights[32];
  const uint head = group.x, query = group.y, dim = p.dim;
  if (head >= p.heads || query >= p.queries || dim > 32 * kMaxOwned || dim % 8 != 0) return;

  const ulong at = (ulong(query) * p.heads + head) * dim;
  const SeenKeys seen(p, head, query);
  device const float* q = Q + at;
  device const float* bias = mask_row(mask, p, head, query);

#if ANYMETAL_NVIDIA
  if (attend_rows_of(AttendRows<typename Row::Element>{p, seen, q, K, V, O + at, bias, sinks, head, lane})) return;
#endif
  float out[kMaxOwned] = {};
  RunningSoftmax softmax;
  for (uint chunk = seen.first; chunk < seen.end; chunk += 32) {
    const uint key = chunk + lane;
    float score = -INFINITY;
    if (key < seen.end) {
      const Row k(K, seen.slot(key), dim);
      Float8 dots = 0.0f;
      for (uint d = 0; d < dim; d += 8) dots += Lanes<8>::load(q + d) * k.eight(d);
      score = soft_capped(Lanes<8>::sum(dots) * p.scale, p.softcap);
      if (p.has_mask != 0) score = biased(score, bias[key]);
    }
    float rescale;
    weights[lane] = softmax.weigh(score, rescale);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = 0; i < kMaxOwned; ++i) out[i] *= rescale;
    for (uint j = chunk; j < min(chunk + 32, seen.end); ++j) {
      const float weight = weights[j - chunk];
      if (weight == 0.0f) continue;
      const Row v(V, seen.slot(j), dim);
      for (uint i = 0; i < kMaxOwned; ++i) {
        if (i * 32 + lane < dim) out[i] += weight * v.one(i * 32 + lane);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }

  const float inverse = final_factor(simd_sum(softmax.sum), softmax.top, p, sinks, head);
  for (uint i = 0; i < kMaxOwned; ++i) {
    if (i * 32 + lane < dim) O[at + i * 32 + lane] = out[i] * inverse;
  }
}

#define INSTANTIATE(name, Row) \
  template [[host_name("attention_" name "kv")]] kernel void attention<Row>( \
      constant AttentionParams&, device const float*, device const uchar*, device const uchar*, device float*, \
      device const float*, device const float*, uint3, uint);
INSTANTIATE("f32", PlainRow<float>)
INSTANTIATE("f16", PlainRow<half>)
INSTANTIATE("bf16", PlainRow<bfloat>)
INSTANTIATE("q8_0", Q8Row)
