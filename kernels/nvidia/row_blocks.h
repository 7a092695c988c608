// Attention of one query by a simdgroup of an NVIDIA GPU over rows of any kind, 32 at a time: all lanes read a row together, a
// lane owns kDim / 32 neighbouring elements of it and knows the score of one row.
#pragma once
#include "common/any_attention.h"
#include "nvidia/query_blocks.h"

namespace anymetal {

// Rows of a cache, by their slots.
template <class T, bool kAligned>
struct CacheRows {
  device const T* base;
  template <int kDim, uint kCount>
  void load(thread float (&to)[kCount], uint slot, uint lane) const {
    load_floats<kAligned>(to, base + ulong(slot) * kDim + lane * kCount);
  }
};
template <bool kAligned>
struct CacheRows<BlockQ8_0, kAligned> {
  device const BlockQ8_0* base;
  template <int kDim, uint kCount>
  void load(thread float (&to)[kCount], uint slot, uint lane) const {
    const uint at = lane * kCount;
    device const BlockQ8_0* block = base + ulong(slot) * (kDim / 32) + at / 32;
    const float scale = float(block->d);
    device const ushort* pairs = (device const ushort*)(block->qs + at % 32);
    for (uint i = 0; i < kCount; i += 2) {
      const uint pair = pairs[i / 2];
      to[i] = scale * float(int(pair << 24) >> 24);
      to[i + 1] = scale * float(int(pair << 16) >> 24);
    }
  }
};

template <int kDim>
struct RowBlock {
  static constexpr uint kOwned = kDim / 32;

  float query[kOwned];
  float out[kOwned] = {};  // not normalised
  RunningSoftmax softmax;

  // Scores of 32 rows, the i-th in lane i; `slot` is where the lane's row is.
  template <class Rows>
  float score(Rows keys, uint slot, uint lane) const {
    float dots[32];
    for (uint j = 0; j < 32; ++j) {
      float row[kOwned];
      keys.template load<kDim>(row, metal::simd_shuffle(slot, ushort(j)), lane);
      dots[j] = query[0] * row[0];
      for (uint i = 1; i < kOwned; ++i) dots[j] = metal::fma(query[i], row[i], dots[j]);
    }
    return spread_sums(dots, lane);
  }

  // Takes in the first `count` of these rows; `score` is the lane's, -inf where the query does not see its row.
  template <class Rows>
  void add(float score, Rows values, uint slot, uint count, uint lane) {
    float rescale;
    const float weight = softmax.weigh(score, rescale);
    for (uint i = 0; i < kOwned; ++i) out[i] *= rescale;
#pragma unroll 8
    for (uint j = 0; j < count; ++j) {
      float row[kOwned];
      values.template load<kDim>(row, metal::simd_shuffle(slot, ushort(j)), lane);
      const float w = metal::simd_shuffle(weight, ushort(j));
      for (uint i = 0; i < kOwned; ++i) out[i] = w == 0.0f ? out[i] : metal::fma(w, row[i], out[i]);  // an unseen row may hold anything
    }
  }
};

// The query's attention as `attention` gives it. The whole simdgroup must call.
template <int kDim, class Rows>
void attend_rows(constant AttentionParams& p, SeenKeys seen, device const float* query, Rows keys, Rows values, device float* out,
                 device const float* bias, device const float* sinks, uint head, uint lane) {
  RowBlock<kDim> block;
  for (uint i = 0; i < kDim / 32; ++i) block.query[i] = query[lane * (kDim / 32) + i];
  for (uint chunk = seen.first; chunk < seen.end; chunk += 32) {
    const uint key = metal::min(chunk + lane, seen.end - 1), slot = uint(seen.slot(key));
    float score = soft_capped(block.score(keys, slot, lane) * p.scale, p.softcap);
    if (p.has_mask != 0) score = biased(score, bias[key]);
    block.add(chunk + lane < seen.end ? score : -INFINITY, values, slot, metal::min(32u, seen.end - chunk), lane);
  }
  const float inverse = final_factor(metal::simd_sum(block.softmax.sum), block.softmax.top, p, sinks, head);
  for (uint i = 0; i < kDim / 32; ++i) out[lane * (kDim / 32) + i] = block.out[i] * inverse;
}

template <class T>
struct AttendRows {
  constant AttentionParams& p;
  SeenKeys seen;
  device const float* query;
  device const uchar* keys;
  device const uchar* values;
  device float* out;
  device const float* bias;
  device const float* sinks;
  uint head, lane;
  template <int kDim, bool kAligned>
  void run() const {
    typedef CacheRows<T, kAligned> Rows;
    attend_rows<kDim>(p, seen, query, Rows{(device const T*)keys}, Rows{(device const T*)values}, out, bias, sinks, head, lane);
  }
};

// Of a cache with less than 2^32 rows.
template <class T>
bool attend_rows_of(AttendRows<T> attend) {
  if (ulong(attend.p.kv_heads) * attend.p.capacity >> 32 != 0) return false;
  return attend_of(attend.p.dim, (((ulong)attend.keys | (ulong)attend.values) & 15) == 0, attend);
}

}  // namespace anymetal
