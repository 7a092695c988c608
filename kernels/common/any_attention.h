// What the forms of the attention with masks, caps, sinks and rings share.
#pragma once
#include "common/blocks.h"
#include "common/chunk_attention.h"

namespace anymetal {

struct AttentionParams {
  uint heads, kv_heads, dim;
  uint queries, keys, capacity;
  uint ring_start;  // slot of the first key
  uint causal;
  uint window;  // keys a query sees up to its own; 0: all
  float scale;
  float softcap;  // 0: none
  uint has_mask;
  uint mask_head_stride;  // 0: one mask for all heads
  uint has_sinks;
};
static_assert(sizeof(AttentionParams) == 56, "layout");

// One row of a cache.
template <class T>
struct PlainRow {
  typedef T Element;
  device const T* row;
  PlainRow(device const uchar* cache, ulong at, uint dim) : row((device const T*)cache + at * dim) {}
  Float8 eight(uint d) const { return Lanes<8>::load(row + d); }
  float one(uint d) const { return float(row[d]); }
};
struct Q8Row {
  typedef BlockQ8_0 Element;
  device const BlockQ8_0* row;
  Q8Row(device const uchar* cache, ulong at, uint dim) : row((device const BlockQ8_0*)cache + at * (dim / 32)) {}
  Float8 eight(uint d) const { return decode<8>(row[d / 32], d % 32); }
  float one(uint d) const { return float(row[d / 32].qs[d % 32]) * float(row[d / 32].d); }
};

// The keys that one query of one head sees, and where they are.
struct SeenKeys {
  uint first, end, ring_start, capacity;
  ulong base;  // the first row of the head's cache

  SeenKeys(constant AttentionParams& p, uint head, uint query) {
    const long after = long(p.keys) - long(p.queries) + query + 1;  // one past the query's own key
    end = p.causal != 0 ? uint(metal::clamp(after, 0l, long(p.keys))) : p.keys;
    first = p.window > 0 && after > long(p.window) ? uint(after - p.window) : 0;
    ring_start = p.ring_start;
    capacity = p.capacity;
    base = ulong(kv_head_of(head, p.heads, p.kv_heads)) * p.capacity;
  }
  ulong slot(uint key) const { return base + (ulong(ring_start) + key) % capacity; }
};

// The biases of the query's keys; where there is no mask, any place in the buffer.
inline device const float* mask_row(device const float* mask, constant AttentionParams& p, uint head, uint query) {
  return p.has_mask != 0 ? mask + ulong(head) * p.mask_head_stride + ulong(query) * p.keys : mask;
}

// What sums are multiplied by at the end: one over the sum of weights, to which a sink belongs.
inline float final_factor(float sum, float top, constant AttentionParams& p, device const float* sinks, uint head) {
  float factor = 1.0f;
  if (p.has_sinks != 0) {
    const float most = metal::max(top, sinks[head]);
    factor = metal::exp(top - most);
    sum = sum * factor + metal::exp(sinks[head] - most);
  }
  return sum > 0.0f ? factor / sum : 0.0f;
}

}  // namespace anymetal
