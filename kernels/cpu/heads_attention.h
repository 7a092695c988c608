// Attention of one query of up to four heads that share their keys, by one core: a key or value is read once for all of them,
// and while one is used that of the other kind is asked for.
#pragma once
#include "common/chunk_attention.h"
#include "cpu/wide.h"

namespace anymetal {

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

  // Takes in the keys [begin, end); score(dot) is the score of a key.
  template <class Score>
  void add(uint begin, uint end, Score score) {
    float scores[kHeads][kKeys], rescale[kHeads];
    for (uint key = begin; key < end; key += kTogether) {
      float dots[4 * kTogether];
      dot_products(key, end, dots);
#pragma unroll
      for (uint i = 0; i < kHeads * kTogether; ++i) {
        scores[i / kTogether][key - begin + i % kTogether] = key + i % kTogether < end ? score(dots[i]) : -INFINITY;
      }
    }
    const uint whole = (end - begin + kTogether - 1) / kTogether * kTogether;
    for (uint h = 0; h < kHeads; ++h) {
      for (uint i = whole; i < kKeys; ++i) scores[h][i] = -INFINITY;
      rescale[h] = weigh(h, scores[h]);
    }
    for (uint d = 0; d < kDim; d += 16 * kVectors) add_values(d, begin, end, rescale, scores);
  }

 private:
  static void ask_for(device const T* row, uint d) {
    if (d * sizeof(T) % 64 == 0) __builtin_prefetch(row + d);
  }

  // Keys from `end` on repeat the last one.
  void dot_products(uint key, uint end, thread float* dots) const {
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
    Lanes<8>::store(dots, eight_sums(sums));
    if (kHeads > 2) Lanes<8>::store(dots + 8, eight_sums(sums + 8));
  }

  // Makes a head's scores weights, and gives what the outputs so far are to be multiplied by.
  float weigh(uint h, thread float* scores) {
    static_assert(kKeys == 32, "two vectors of scores");
    const WideF low = Wide::load(scores), high = Wide::load(scores + 16), more = wide_max(low, high);
    float highest = top[h];
    for (uint i = 0; i < 16; ++i) highest = metal::max(highest, more[i]);
    const float rescale = metal::exp(top[h] - highest);
    top[h] = highest;
    const WideF first = wide_exp(low - highest), second = wide_exp(high - highest);
    Wide::store(scores, first);
    Wide::store(scores + 16, second);
    sum[h] = sum[h] * rescale + Wide::sum(first + second);
    return rescale;
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
