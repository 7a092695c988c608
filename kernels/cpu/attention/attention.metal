#include <metal_stdlib>
#include "common/any_attention.h"
#include "cpu/blocks.h"
#include "cpu/tile_attention.h"
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

constexpr constant float kLog2e = 1.44269504089f, kLn2 = 0.69314718056f;
constexpr constant uint kMaxDim = 512;
constexpr constant uint kQueries = 32;      // queries that a threadgroup takes together
constexpr constant uint kFewQueries = 12;   // fewer are not worth it
constexpr constant uint kPitch = kMaxDim + 16;  // between decoded rows: not a power of two, which would share a cache's sets

// Query `query` of a head alone.
template <class Row>
void attend(constant AttentionParams& p, device const float* Q, device const uchar* K, device const uchar* V, device float* O,
            device const float* mask, device const float* sinks, uint head, uint query) {
  const uint dim = p.dim;
  const ulong at = (ulong(query) * p.heads + head) * dim;
  const SeenKeys seen(p, head, query);
  device const float* bias = mask_row(mask, p, head, query);

  VecAttention<kMaxDim> attention;
  for (uint d = 0; d < dim; ++d) attention.query[d] = Q[at + d];
  for (uint chunk = seen.first; chunk < seen.end; chunk += kHeldKeys) {
    attention.add(
        chunk, min(seen.end, chunk + kHeldKeys), dim, [=](uint i) { return cache_row(Row(), K, seen.slot(i), dim); },
        [=](uint i) { return cache_row(Row(), V, seen.slot(i), dim); },
        [&](float dot, uint i) {
          const float score = soft_capped(dot * p.scale, p.softcap);
          return p.has_mask != 0 ? biased(score, bias[i]) : score;
        });
  }
  const float factor = final_factor(attention.sum, attention.top, p, sinks, head);
  for (uint d = 0; d < dim; ++d) O[at + d] = attention.out[d] * factor;
}

// Turns products of `count` keys from `key` on with `live` queries from `first` on into scores, in the domain of powers of two.
inline void score_tile(constant AttentionParams& p, device const float* mask, uint head, uint first, uint live, uint key,
                       uint count, thread float* scores) {
  if (p.softcap > 0.0f) {
    const float inverse = 1.0f / p.softcap, factor = p.softcap * kLog2e;
    for (uint i = 0; i < count * kColumns; i += 16)
      Wide::store(scores + i, wide_tanh(Wide::load(scores + i) * inverse) * factor);
  }
  if (p.has_mask == 0) return;
  float bias[kKeys * kColumns];
  load_columns([=, &p](uint i) { return mask_row(mask, p, head, first + i) + key; }, live, 0, count, bias);
  for (uint j = 0; j < count; ++j) {
    for (uint c = 0; c < live; c += 16) {
      thread float* s = scores + j * kColumns + c;
      const WideF b = Wide::load(bias + j * kColumns + c);
      Wide::store(s, b == (WideF)-INFINITY ? b : Wide::load(s) + b * kLog2e);
    }
  }
}

// `live` <= kQueries queries of a head from `first` on: keys and values are decoded once for all of them.
template <class Row>
void attend_tile(constant AttentionParams& p, device const float* Q, device const uchar* K, device const uchar* V,
                 device float* O, device const float* mask, device const float* sinks, uint head, uint first, uint live) {
  constexpr int kVectors = kQueries / 16;
  const uint dim = p.dim;
  const ulong at = (ulong(first) * p.heads + head) * dim, step = ulong(p.heads) * dim;
  const SeenKeys last(p, head, first + live - 1), seen(p, head, first);
  const int position = int(p.keys) - int(p.queries) + int(first);

  TileAttention<kVectors, kMaxDim> attention;
  attention.start(dim);
  load_columns([=](uint i) { return Q + at + i * step; }, live, 0, dim, attention.queries);
  const float scale = p.softcap > 0.0f ? p.scale : p.scale * kLog2e;
  for (uint i = 0; i < dim * kColumns; i += 16) Wide::store(attention.queries + i, Wide::load(attention.queries + i) * scale);

  float rows[kKeys * kPitch];
  for (uint key = seen.first; key < last.end; key += kKeys) {
    const uint count = min(kKeys, last.end - key), padded = (count + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
    decode_rows([&](uint i) { return cache_row(Row(), K, last.slot(key + min(i, count - 1)), dim); }, dim, kPitch, padded, rows);
    for (uint j = 0; j < padded; j += kRowsAtOnce) {
      thread float* scores = attention.scores + j * kColumns;
      for (uint i = 0; i < kRowsAtOnce * kColumns; i += 16) Wide::store(scores + i, 0.0f);
      add_products<kVectors>(rows + j * kPitch, kPitch, 1, attention.queries, dim, scores);
    }
    score_tile(p, mask, head, first, live, key, count, attention.scores);
    attention.weigh(count, dim, position, int(key), p.causal != 0, int(p.window));
    decode_rows([&](uint i) { return cache_row(Row(), V, last.slot(key + i), dim); }, dim, kPitch, count, rows);
    add_weighted<kVectors>(rows, kPitch, count, dim, attention.hides, attention.scores, attention.out);
  }

  WideF factors[kVectors];
  for (uint i = 0; i < kQueries; ++i) {
    factors[i / 16][i % 16] = final_factor(attention.sum[i / 16][i % 16], attention.top[i / 16][i % 16] * kLn2, p, sinks, head);
  }
  attention.template store_times<float>(factors, int(live), dim, [=](int i) { return O + at + ulong(i) * step; });
}

/// attention/attention.metal for a core that takes a query of a head, or of many queries kQueries at once, and then the first
/// one's threadgroup in the place of all: nothing depends on the thread.
template <class Row>
kernel void attention(constant AttentionParams& p [[buffer(0)]],
                      device const float* Q [[buffer(1)]],
                      device const uchar* K [[buffer(2)]],
                      device const uchar* V [[buffer(3)]],
                      device float* O [[buffer(4)]],
                      device const float* mask [[buffer(5)]],
                      device const float* sinks [[buffer(6)]],
                      uint3 group [[threadgroup_position_in_grid]]) {
  const uint head = group.x, query = group.y;
  if (head >= p.heads || query >= p.queries || p.dim > kMaxDim || p.dim % 8 != 0) return;
  const uint first = query / kQueries * kQueries, live = min(kQueries, p.queries - first);
  if (live < kFewQueries) return attend<Row>(p, Q, K, V, O, mask, sinks, head, query);
  if (query == first) attend_tile<Row>(p, Q, K, V, O, mask, sinks, head, first, live);
}

#define INSTANTIATE(name, Row) \
  template [[host_name("attention_" name "kv")]] kernel void attention<Row>( \
      constant AttentionParams&, device const float*, device const uchar*, device const uchar*, device float*, \
      device const float*, device const float*, uint3);
INSTANTIATE("f32", WideRow<float>)
INSTANTIATE("f16", WideRow<half>)
INSTANTIATE("bf16", WideRow<bfloat>)
INSTANTIATE("q8_0", WideQ8Row)
