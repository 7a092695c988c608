// Attention of one query by one core, 32 keys at a time.
#pragma once
#include "common/chunk_attention.h"
#include "cpu/wide.h"

namespace anymetal {

constexpr constant uint kHeldKeys = 32;  // keys whose scores are held at a time
constexpr constant uint kTogether = 4;   // keys whose sums stay in registers with a part of the query

// A row of a cache in memory.
template <class T>
struct WideRow {
  device const T* at;
  WideF wide(uint d) const { return Wide::load(at + d); }
  Float8 eight(uint d) const { return Lanes<8>::load(at + d); }
};

// What is known after some keys. Rows have `dim` <= kMaxDim elements, a multiple of 8; a row gives 16 of them, wide(d), or
// eight(d).
template <uint kMaxDim>
struct VecAttention {
  float query[kMaxDim];
  float out[kMaxDim] = {};  // not normalised
  float top = kLowest, sum = 0.0f;

  // Takes in the keys [begin, end), at most kHeldKeys. key_row(i) and value_row(i) give rows, score(dot, i) the score of a key:
  // -inf where the query does not see it; its value is then not read.
  template <class Keys, class Values, class Score>
  void add(uint begin, uint end, uint dim, Keys key_row, Values value_row, Score score) {
    float scores[kHeldKeys];
    for (uint i = 0; i < kHeldKeys; ++i) scores[i] = -INFINITY;
    float highest = top;
    for (uint key = begin; key < end; key += kTogether) {
      float dots[kTogether];
      dot_products(dim, [&](uint j) { return key_row(metal::min(key + j, end - 1)); }, dots);
      for (uint j = 0; j < metal::min(kTogether, end - key); ++j) {
        const float s = score(dots[j], key + j);
        scores[key + j - begin] = s;
        highest = metal::max(highest, s);
      }
    }

    const float rescale = metal::exp(top - highest);
    top = highest;
    WideF total = 0.0f;
    for (uint i = 0; i < kHeldKeys; i += 16) {
      const WideF weights = wide_exp(Wide::load(scores + i) - highest);
      Wide::store(scores + i, weights);
      total += weights;
    }
    sum = sum * rescale + Wide::sum(total);

    // A part of the outputs at a time, in registers.
    uint d = 0;
    if (__msl_vector_bits() >= 512) {
      for (; d + 128 <= dim; d += 128) add_values<8>(d, begin, end, rescale, scores, value_row);
    }
    for (; d + 64 <= dim; d += 64) add_values<4>(d, begin, end, rescale, scores, value_row);
    for (; d + 16 <= dim; d += 16) add_values<1>(d, begin, end, rescale, scores, value_row);
    if (d < dim) {
      Float8 part = *(thread const UnalignedFloat8*)(out + d) * rescale;
      for (uint key = begin; key < end; ++key) {
        if (scores[key - begin] != 0.0f) part += scores[key - begin] * value_row(key).eight(d);
      }
      Lanes<8>::store(out + d, part);
    }
  }

 private:
  template <class Rows>
  void dot_products(uint dim, Rows row, thread float* dots) const {
    static_assert(kTogether == 4, "rows below");
    const decltype(row(0)) rows[kTogether] = {row(0), row(1), row(2), row(3)};
    WideF sums[kTogether] = {};
#pragma unroll 4
    for (uint d = 0; d + 16 <= dim; d += 16) {
      const WideF q = Wide::load(query + d);
#pragma unroll
      for (uint j = 0; j < kTogether; ++j) sums[j] += q * rows[j].wide(d);
    }
#pragma unroll
    for (uint j = 0; j < kTogether; ++j) {
      if (dim % 16 != 0) sums[j].lo += *(thread const UnalignedFloat8*)(query + dim - 8) * rows[j].eight(dim - 8);
      dots[j] = Wide::sum(sums[j]);
    }
  }

  template <uint kVectors, class Values>
  void add_values(uint d, uint begin, uint end, float rescale, thread const float* weights, Values row) {
    WideF part[kVectors];
#pragma unroll
    for (uint c = 0; c < kVectors; ++c) part[c] = Wide::load(out + d + 16 * c) * rescale;
#pragma clang loop unroll(disable)
    for (uint key = begin; key < end; ++key) {
      if (weights[key - begin] == 0.0f) continue;
      const WideF weight = weights[key - begin];
      const auto values = row(key);
#pragma unroll
      for (uint c = 0; c < kVectors; ++c) part[c] += weight * values.wide(d + 16 * c);
    }
#pragma unroll
    for (uint c = 0; c < kVectors; ++c) Wide::store(out + d + 16 * c, part[c]);
  }
};

}  // namespace anymetal
