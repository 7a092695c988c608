#include <metal_stdlib>
#include "common/any_attention.h"
using namespace metal;
using namespace anymetal;

// kernels: attention_f32kv attention_f16kv attention_bf16kv attention_q8_0kv

/// attention/attention.metal for a core that takes a query of a head: nothing depends on the thread.
template <class Row>
kernel void attention(constant AttentionParams& p [[buffer(0)]],
                      device const float* Q [[buffer(1)]],
                      device const uchar* K [[buffer(2)]],
                      device const uchar* V [[buffer(3)]],
                      device float* O [[buffer(4)]],
                      device const float* mask [[buffer(5)]],
                      device const float* sinks [[buffer(6)]],
                      uint3 group [[threadgroup_position_in_grid]]) {
  constexpr uint kMaxDim = 512;
  constexpr uint kChunk = 32;
  const uint head = group.x, query = group.y, dim = p.dim;
  if (head >= p.heads || query >= p.queries || dim > kMaxDim || dim % 8 != 0) return;
  const ulong at = (ulong(query) * p.heads + head) * dim;
  const SeenKeys seen(p, head, query);
  device const float* bias = mask_row(mask, p, head, query);

  float out[kMaxDim], q[kMaxDim], scores[kChunk];
  for (uint d = 0; d < dim; ++d) out[d] = 0.0f, q[d] = Q[at + d];
  float top = kLowest, sum = 0.0f;
  for (uint chunk = seen.first; chunk < seen.end; chunk += kChunk) {
    const uint count = min(kChunk, seen.end - chunk);
    float chunk_top = top;
    for (uint j = 0; j < count; ++j) {
      const Row k(K, seen.slot(chunk + j), dim);
      Float8 dots = 0.0f;
      for (uint d = 0; d < dim; d += 8) dots += *(thread const UnalignedFloat8*)(q + d) * k.eight(d);
      float score = soft_capped(Lanes<8>::sum(dots) * p.scale, p.softcap);
      if (p.has_mask != 0) score += bias[chunk + j];
      scores[j] = score;
      chunk_top = max(chunk_top, score);
    }
    const float rescale = exp(top - chunk_top);
    top = chunk_top;
    sum *= rescale;
    for (uint d = 0; d < dim; ++d) out[d] *= rescale;
    for (uint j = 0; j < count; ++j) {
      const float weight = exp(scores[j] - top);
      if (weight == 0.0f) continue;
      sum += weight;
      const Row v(V, seen.slot(chunk + j), dim);
      for (uint d = 0; d < dim; d += 8) *(thread UnalignedFloat8*)(out + d) += weight * v.eight(d);
    }
  }
  const float inverse = final_factor(sum, top, p, sinks, head);
  for (uint d = 0; d < dim; ++d) O[at + d] = out[d] * inverse;
}

#define INSTANTIATE(name, Row) \
  template [[host_name("attention_" name "kv")]] kernel void attention<Row>( \
      constant AttentionParams&, device const float*, device const uchar*, device const uchar*, device float*, \
      device const float*, device const float*, uint3);
INSTANTIATE("f32", PlainRow<float>)
INSTANTIATE("f16", PlainRow<half>)
INSTANTIATE("bf16", PlainRow<bfloat>)
INSTANTIATE("q8_0", Q8Row)
