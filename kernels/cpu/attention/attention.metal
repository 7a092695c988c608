#include <metal_stdlib>
#include "common/any_attention.h"
#include "cpu/blocks.h"
#include "cpu/vec_attention.h"
using namespace metal;
using namespace anymetal;

// kernels: attention_f32kv attention_f16kv attention_bf16kv attention_q8_0kv

// Row `at` of a cache.
template <class T>
WideRow<T> cache_row(WideRow<T>, device const uchar* cache, ulong at, uint dim) {
  return {(device const T*)cache + at * dim};
}

struct WideQ8Row {
  device const BlockQ8_0* blocks;
  WideF wide(uint d) const { return Wide::signed_bytes(blocks[d / 32].qs + d % 32) * splat(blocks[d / 32].d); }
  Float8 eight(uint d) const { return decode<8>(blocks[d / 32], d % 32); }
};
inline WideQ8Row cache_row(WideQ8Row, device const uchar* cache, ulong at, uint dim) {
  return {(device const BlockQ8_0*)cache + at * (dim / 32)};
}

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
  const uint head = group.x, query = group.y, dim = p.dim;
  if (head >= p.heads || query >= p.queries || dim > kMaxDim || dim % 8 != 0) return;
  const ulong at = (ulong(query) * p.heads + head) * dim;
  const SeenKeys seen(p, head, query);
  device const float* bias = mask_row(mask, p, head, query);

  VecAttention<kMaxDim> attention;
  for (uint d = 0; d < dim; ++d) attention.query[d] = Q[at + d];
  for (uint chunk = seen.first; chunk < seen.end; chunk += kChunk) {
    attention.add(
        chunk, min(seen.end, chunk + kChunk), dim, [=](uint i) { return cache_row(Row(), K, seen.slot(i), dim); },
        [=](uint i) { return cache_row(Row(), V, seen.slot(i), dim); },
        [&](float dot, uint i) {
          const float score = soft_capped(dot * p.scale, p.softcap);
          return p.has_mask != 0 ? score + bias[i] : score;
        });
  }
  const float factor = final_factor(attention.sum, attention.top, p, sinks, head);
  for (uint d = 0; d < dim; ++d) O[at + d] = attention.out[d] * factor;
}

#define INSTANTIATE(name, Row) \
  template [[host_name("attention_" name "kv")]] kernel void attention<Row>( \
      constant AttentionParams&, device const float*, device const uchar*, device const uchar*, device float*, \
      device const float*, device const float*, uint3);
INSTANTIATE("f32", WideRow<float>)
INSTANTIATE("f16", WideRow<half>)
INSTANTIATE("bf16", WideRow<bfloat>)
INSTANTIATE("q8_0", WideQ8Row)
