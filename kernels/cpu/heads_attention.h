// Attention of one query of up to four heads that share their keys, by one core: a key or value is read once for all of them,
// and while one is used that of the other kind is asked for.
#pragma once
#include "common/chunk_attention.h"
#include "cpu/register_sum.h"

namespace anymetal {

typedef float Float4 __attribute__((ext_vector_type(4)));
typedef float UnalignedFloat4 __attribute__((ext_vector_type(4), aligned(4)));

// Sums of products of some heads with four keys.
template <uint kHeads> struct KeySum { typedef RegisterSum Type; };
template <> struct KeySum<1> { typedef WideSum Type; };

// What is known after some keys, which come at most kKeys at a time. Rows of keys and values have kDim elements, one after the
// other.
template <class T, uint kDim, uint kHeads>
struct HeadsAttention {
  // Of these keys and their values one kind fills half of the nearest cache where rows have 256 elements.
  static constexpr uint kKeys = 64 / sizeof(T), kTogether = 4, kScores = kKeys / 16;
  static_assert(kDim % 128 == 0 && kHeads <= 4, "parts of outputs below");
  device const T* keys;
  device const T* values;
  uint ahead;  // keys from those that are taken in to the next ones
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
    for (uint h = 0; h < kHeads; ++h) {
      for (uint i = 0; i < kKeys; i += 16) Wide::store(scores[h] + i, -INFINITY);
    }
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
      WideF all = Wide::load(scores[h]);
#pragma unroll
      for (uint i = 1; i < kScores; ++i) all = wide_max(all, Wide::load(scores[h] + 16 * i));
      const float here = wide_highest(all);
      const float highest = here > top[h] ? here : top[h];
      rescale[h] = top[h] - highest;
      top[h] = highest;
    }
    Wide::store(rescale, wide_exp(Wide::load(rescale)));
#pragma unroll
    for (uint h = 0; h < kHeads; ++h) {
      WideF total = 0.0f;
#pragma unroll
      for (uint i = 0; i < kScores; ++i) {
        const WideF weights = wide_exp(Wide::load(scores[h] + 16 * i) - top[h]);
        Wide::store(scores[h] + 16 * i, weights);
        total += weights;
      }
      sum[h] = sum[h] * rescale[h] + Wide::sum(total);
    }
    // A part of the outputs at a time, in registers: 32 that hold 16 floats, or 16 that hold 8.
    if (__msl_vector_bits() >= 512) {
      constexpr uint kVectors = kHeads > 2 ? 4 : 8;
      for (uint d = 0; d < kDim; d += 16 * kVectors) add_values<kVectors>(d, begin, end, rescale, scores);
    } else {
      constexpr uint kVectors = kHeads > 2 ? 1 : kHeads > 1 ? 2 : 8;
      for (uint d = 0; d < kDim; d += 16 * kVectors) add_values<kVectors>(d, begin, end, rescale, scores);
    }
  }

 private:
  typedef typename KeySum<kHeads>::Type Sum;

  static void ask_for(device const T* row, uint d) {
    if (d * sizeof(T) % 64 == 0) __builtin_prefetch(row + d);
  }

  // Of head h and key `key` + j in lane h * kTogether + j. Keys from `end` on repeat the last one.
  WideF dot_products(uint key, uint end) const {
    static_assert(kTogether == 4, "lanes below");
    Sum sums[16];
    if (kHeads > 2 && __msl_vector_bits() < 512) {  // two keys' sums fill the registers
      add_products<2>(key, end, sums);
      add_products<2>(key + 2, end, sums + 8);
      return __builtin_shufflevector(added_up(sums), added_up(sums + 8), 0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    }
    add_products<4>(key, end, sums);
    const Float8 first = added_up(sums), last = kHeads > 2 ? added_up(sums + 8) : (Float8)0.0f;
    return __builtin_shufflevector(first, last, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }

  // Of head h and key `key` + j to sums[h * kSome + j].
  template <uint kSome>
  void add_products(uint key, uint end, thread Sum* sums) const {
    device const T* rows[kSome];
#pragma unroll
    for (uint j = 0; j < kSome; ++j) rows[j] = keys + ulong(metal::min(key + j, end - 1)) * kDim;
    device const T* next = values + ulong(key) * kDim;
#pragma unroll 2
    for (uint d = 0; d < kDim; d += 16) {
      WideF q[kHeads];
#pragma unroll
      for (uint h = 0; h < kHeads; ++h) q[h] = Wide::load(query[h] + d);
#pragma unroll
      for (uint j = 0; j < kSome; ++j) {
        ask_for(next + j * kDim, d);
        const WideF row = Wide::load(rows[j] + d);
#pragma unroll
        for (uint h = 0; h < kHeads; ++h) sums[h * kSome + j].add(q[h], row);
      }
    }
  }

  template <uint kVectors>
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
