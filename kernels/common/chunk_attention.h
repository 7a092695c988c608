// Attention of one query by simdgroups that each take chunks of 32 keys.
#pragma once
#include <metal_stdlib>

#include "common/lanes.h"

namespace anymetal {

constant float kLowest = -1.7014117e38f;  // half of the most negative float: a finite start for the running maximum

// Head of keys and values that serves query head `head`: each serves as many consecutive ones.
inline uint kv_head_of(uint head, uint heads, uint kv_heads) { return head * kv_heads / heads; }

// Scores held within +-softcap; as they are where it is 0.
inline float soft_capped(float score, float softcap) {
  return softcap > 0.0f ? softcap * metal::precise::tanh(score / softcap) : score;
}

// A score with its bias; -inf hides the key, whatever it holds.
inline float biased(float score, float bias) { return bias == -INFINITY ? bias : score + bias; }

// Consecutive rows of kDim elements.
template <class T, int kDim>
struct PlainRows {
  device const T* base;
  Float8 load(uint row, uint d) const { return Lanes<8>::load(base + ulong(row) * kDim + d); }
};

// Softmax over scores that come one for each lane, time after time.
struct RunningSoftmax {
  float top = kLowest;
  float sum = 0.0f;  // of this lane's weights

  // The lane's weight. What was summed before, outputs too, is to be multiplied by `rescale`.
  float weigh(float score, thread float& rescale) {
    const float new_top = metal::max(top, metal::simd_max(score));
    rescale = metal::exp(top - new_top);
    top = new_top;
    const float weight = metal::exp(score - new_top);
    sum = sum * rescale + weight;
    return weight;
  }
};

// What one simdgroup knows after some chunks: a lane scores one key of a chunk and owns kDim / 32 outputs.
// `Rows::load(row, d)` gives eight elements of a row.
template <int kDim>
struct ChunkAttention {
  typedef Lanes<8> L;
  static constexpr uint kOwned = kDim / 32;

  L::F out[kOwned / 8] = {};  // not normalised
  RunningSoftmax softmax;

  template <class Rows>
  static float score(threadgroup const float* query, Rows keys, uint key) {
    L::F dots[2] = {};
    for (uint d = 0; d < kDim; d += 16) {
      dots[0] += *(threadgroup const UnalignedFloat8*)(query + d) * keys.load(key, d);
      dots[1] += *(threadgroup const UnalignedFloat8*)(query + d + 8) * keys.load(key, d + 8);
    }
    return L::sum(dots[0] + dots[1]);
  }

  // Takes in the rows [begin, end) of the chunk at `chunk`, of which this lane has scored row chunk + lane: -inf where the
  // query does not see it. With kGaps rows between begin and end may be unseen and are then not read. `weights`: 32 floats.
  template <bool kGaps, class Rows>
  void add(float score, Rows values, uint chunk, uint begin, uint end, threadgroup float* weights, uint lane) {
    float rescale;
    weights[lane] = softmax.weigh(score, rescale);
    metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
    for (uint c = 0; c < kOwned / 8; ++c) out[c] *= rescale;
    for (uint j = begin; j < end; ++j) {
      if (kGaps && weights[j - chunk] == 0.0f) continue;
      for (uint c = 0; c < kOwned / 8; ++c) out[c] += weights[j - chunk] * values.load(j, lane * kOwned + c * 8);
    }
    metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
  }
};

// Partial results of `count` simdgroups in threadgroup memory, each kDim outputs, not normalised, then the maximum and the
// sum of its weights: softmax over all keys is sum_i f_i out_i / sum_i f_i sum_i, f_i = exp(top_i - max top).
struct PartialSoftmax {
  threadgroup float* parts;
  uint count;
  uint dim;

  threadgroup float* part(uint i) const { return parts + i * (dim + 2); }
  float top() const {
    float top = kLowest;
    for (uint i = 0; i < count; ++i) top = metal::max(top, part(i)[dim]);
    return top;
  }
  // Element `d` of every part, each weighed by its maximum; d = dim + 1 gives the sum of weights.
  float total(uint d, float top) const {
    float total = 0.0f;
    for (uint i = 0; i < count; ++i) total += metal::exp(part(i)[dim] - top) * part(i)[d];
    return total;
  }
};

// Where flash_attn_vec and its relatives leave their results: dst [H, D] where one threadgroup takes all keys of a head,
// else element d of head r from threadgroup w at ((r * D/4 + d/4) * parts + w) * 4 + d%4, and the sum and the maximum of
// its weights at H * D * parts + (r * parts + w) * 2.
template <int kDim>
struct VecResult {
  device float* dst;
  uint heads, head, parts, part;

  // What outputs are multiplied by.
  float factor(float sum) const { return parts > 1 ? 1.0f : sum > 0.0f ? 1.0f / sum : 0.0f; }
  ulong place(uint d) const { return ((ulong(head) * (kDim / 4) + d / 4) * parts + part) * 4 + d % 4; }
  void store(uint d, float value) const { dst[place(d)] = value; }
  void store_totals(float sum, float top) const {
    if (parts <= 1) return;
    device float* totals = dst + ulong(heads) * kDim * parts + (ulong(head) * parts + part) * 2;
    totals[0] = sum;
    totals[1] = top;
  }
};

}  // namespace anymetal
