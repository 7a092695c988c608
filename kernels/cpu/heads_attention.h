// Attention of one query of up to four heads that share their keys, by one core: a key or value is read once for all of them,
// and while one is used that of the other kind is asked for.
#pragma once
#include "common/chunk_attention.h"
#include "cpu/wide.h"

namespace anymetal {

typedef float Float4 __attribute__((ext_vector_type(4)));
typedef float UnalignedFloat4 __attribute__((ext_vector_type(4), aligned(4)));

// What is known after some keys, which come at most kKeys at a time. Rows of keys and values have kDim elements, one after the
// other.
template <class T, uint kDim, uint kHeads>
struct HeadsAttention {
  static constexpr uint kKeys = 32, kTogether = 4;
  static constexpr uint kVectors = kHeads == 4 ? 4 : 8;  // of a head's outputs whose sums stay in registers
  static_assert(kDim % (16 * kVectors) == 0 && kHeads <= 4, "parts of outputs below");
  device const T* keys;
  device const T* values;
  uint ahead;  // keys from those taken in to the next ones
  float query[kHeads][kDim];
  float out[kHeads][kDim] = {};  // not normalised
  float top[kHeads], sum[kHeads] = {};

  void start() {
    for (uint h = 0; h < kHeads; ++h) top[h] = kLowest;
  }

  // Takes in the keys [begin, end); score(dots) gives 16 keys' scores.
  template <class Score>
  void add(uint begin, uint end, Score score) {
    float scores[kHeads][kKeys];
    for (uint h = 0; h < kHeads; ++h) Wide::store(scores[h], -INFINITY), Wide::store(scores[h] + 16, -INFINITY);
    for (uint key = begin; key < end; key += kTogether) {
      const WideF all = score(dot_products(key, end));
      const WideF seen = lane_numbers() % int(kTogether) < int(end - key) ? all : (WideF)-INFINITY;
      const Float4 of_heads[4] = {seen.lo.lo, seen.lo.hi, seen.hi.lo, seen.hi.hi};
#pragma unroll
      for (uint h = 0; h < kHeads; ++h) *(thread UnalignedFloat4*)(scores[h] + key - begin) = of_heads[h];
    }

    alignas(64) float rescale[16] = {};
#pragma unroll
    for (uint h = 0; h < kHeads; ++h) {
      static_assert(kKeys == 32, "two vectors of scores");
      const float here = wide_highest(wide_max(Wide::load(scores[h]), Wide::load(scores[h] + 16)));
      const float highest = here > top[h] ? here : top[h];
      rescale[h] = top[h] - highest;
      top[h] = highest;
    }
    Wide::store(rescale, wide_exp(Wide::load(rescale)));
#pragma unroll
    for (uint h = 0; h < kHeads; ++h) {
      const WideF low = wide_exp(Wide::load(scores[h]) - top[h]), high = wide_exp(Wide::load(scores[h] + 16) - top[h]);
      Wide::store(scores[h], low);
      Wide::store(scores[h] + 16, high);
      sum[h] = sum[h] * rescale[h] + Wide::sum(low + high);
    }
    for (uint d = 0; d < kDim; d += 16 * kVectors) add_values(d, begin, end, rescale, scores);
  }

 private:
  static void ask_for(device const T* row, uint d) {
    if (d * sizeof(T) % 64 == 0) __builtin_prefetch(row + d);
  }

  // Of head h and key `key` + j in lane h * kTogether + j. Keys from `end` on repeat the last one.
  WideF dot_products(uint key, uint end) const {
    WideF sums[4 * kTogether] = {};
    device const T* rows[kTogether];
#pragma unroll
    for (uint j = 0; j < kTogether; ++j) rows[j] = keys + ulong(metal::min(key + j, end - 1)) * kDim;
    device const T* next = values + ulong(key) * kDim;
#pragma unroll 2
    for (uint d = 0; d < kDim; d += 16) {
      WideF q[kHeads];
#pragma unroll
      for (uint h = 0; h < kHeads; ++h) q[h] = Wide::load(query[h] + d);
#pragma unroll
      for (uint j = 0; j < kTogether; ++j) {
        ask_for(next + j * kDim, d);
        const WideF row = Wide::load(rows[j] + d);
#pragma unroll
        for (uint h = 0; h < kHeads; ++h) sums[h * kTogether + j] += q[h] * row;
      }
    }
    const Float8 first = eight_sums(sums), last = kHeads > 2 ? eight_sums(sums + 8) : (Float8)0.0f;
    return __builtin_shufflevector(first, last, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }

  void add_values(uint d, uint begin, uint end, thread const float* rescale, thread const float (*weights)[kKeys]) {
    WideF part[kHeads][kVectors];
#pragma unroll
    for (uint h = 0; h < kHeads; ++h) {
#pragma unroll
      for (uint c = 0; c < kVectors; ++c) part[h][c] = Wide::load(out[h] + d + 16 * c) * rescale[h];
    }
#pragma clang loop unroll(disable)
    for (uint key = begin; key < end; ++key) {
      device const T* row = values + ulong(key) * kDim + d;
      device const T* next = keys + ulong(key + ahead) * kDim + d;
#pragma unroll
      for (uint c = 0; c < kVectors; ++c) {
        ask_for(next, 16 * c);
        const WideF value = Wide::load(row + 16 * c);
#pragma unroll
        for (uint h = 0; h < kHeads; ++h) part[h][c] += weights[h][key - begin] * value;
      }
    }
#pragma unroll
    for (uint h = 0; h < kHeads; ++h) {
#pragma unroll
      for (uint c = 0; c < kVectors; ++c) Wide::store(out[h] + d + 16 * c, part[h][c]);
    }
  }
};

}  // namespace anymetal
