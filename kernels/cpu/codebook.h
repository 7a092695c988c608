// TurboQuant's codebooks in registers.
#pragma once
#include "common/turboquant.h"
#include "cpu/small_blocks.h"

namespace anymetal {

// Entries of a table in parts of 16, by their numbers.
template <uint kTables>
WideF entries(thread const WideF (&tables)[kTables], WideU index) {
  if constexpr (kTables == 1) return pick(tables[0], index);
  WideF parts[kTables];
#pragma unroll
  for (uint t = 0; t + 1 < kTables; t += 2) parts[t] = pick(tables[t], tables[t + 1], index);
#pragma unroll
  for (uint step = 2; step < kTables; step *= 2) {
#pragma unroll
    for (uint t = 0; t < kTables; t += 2 * step) parts[t] = (index & (16 * step)) != 0 ? parts[t + step] : parts[t];
  }
  return parts[0];
}

// The upper half of a codebook of `bits` bits as tables of 16, one of 8 twice; the lower half are its negatives, the other way
// round.
template <uint kTables>
struct Codebook {
  WideF tables[kTables];
  uint bits;

  explicit Codebook(uint width) : bits(width) {
    const uint upper = 1u << (bits - 1);
    float values[16];
    for (uint t = 0; t < kTables; ++t) {
      for (uint i = 0; i < 16; ++i) values[i] = turbo_centroid(upper + ((16 * t + i) & (upper - 1)), bits);
      tables[t] = Wide::load(values);
    }
  }
  WideF operator()(WideU codes) const {
    const WideU placed = codes << (32 - bits);  // a code's upper bit where a number has its sign
    const WideU lower = ~__builtin_bit_cast(WideU, __builtin_bit_cast(Int16, placed) >> 31);
    const WideU index = codes ^ lower;
    return __builtin_bit_cast(WideF, __builtin_bit_cast(WideU, entries(tables, index)) ^ (lower & 0x80000000u));
  }
  // Of 16 codes in a byte each.
  WideF at(device const uchar* codes) const { return (*this)(Wide::bytes(codes)); }
};

// The codebook of 8 bits in memory, for registers of less than 16 floats: as 16 tables of 8 it would be looked up by 16 permutations
// and 15 choices for each eight codes, where two loads a code are enough.
struct ByteCodebook {
  float values[256];

  ByteCodebook() {
#pragma unroll
    for (uint i = 0; i < 128; i += 16) {
      const WideF v = Wide::load(kTurboCentroids8 + i);
      Wide::store(values + 128 + i, v);
      Wide::store(values + 112 - i, -__builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    }
  }
  WideF at(device const uchar* codes) const {
    WideF found;
#pragma unroll
    for (uint i = 0; i < 16; ++i) found[i] = values[codes[i]];
    return found;
  }
};

// use(book) with the codebook of a cache that has a byte for each code, of this width.
template <class Use>
void with_byte_codebook(uint width, Use use) {
  switch (turbo_byte_bits(width)) {
    case 5: return use(Codebook<1>(5));
    case 6: return use(Codebook<2>(6));
    default: break;
  }
  if (__msl_vector_bits() >= 512) return use(Codebook<8>(8));
  use(ByteCodebook());
}

// turbo_code (common/turboquant.h) of 16 values. Codes lie mirrored about zero: the search is one among the 2^(kBits - 1)
// boundaries that are not negative, the first of which is zero.
template <uint kBits>
class CodeSearch {
 public:
  explicit CodeSearch(constant float* boundaries) {
#pragma unroll
    for (uint t = 0; t < kTables; ++t) {
      float values[16], of_coarse[16];
      for (uint i = 0; i < 16; ++i) {
        values[i] = boundaries[(16 * t + i) & (kHalf - 1)];
        of_coarse[i] = boundaries[(16 * t + i) * (kTables > 2 ? 4 : 1) & (kHalf - 1)];
      }
      tables_[t] = Wide::load(values);
      if (t < 2) coarse_[t] = Wide::load(of_coarse);
    }
  }
  WideU operator()(WideF v) const {
    // A boundary at a negative value's place is below it: the value moves past it by one unit in the last place.
    const WideF magnitude = __builtin_elementwise_abs(v), held = magnitude < 0x1.fffffcp127f ? magnitude : (WideF)0x1.fffffcp127f;
    const WideF place = __builtin_bit_cast(WideF, v < 0.0f ? __builtin_bit_cast(WideU, held) + 1u : __builtin_bit_cast(WideU, held));
    WideU below = 0u;
#pragma unroll
    for (uint step = kHalf / 2; step > 0; step /= 2) below += at(below + step, step) < place ? (WideU)step : (WideU)0u;
    const WideU code = v > 0.0f ? kHalf + below : kHalf - 1 - below;
    return v == v ? code : (WideU)0u;
  }

 private:
  static constexpr uint kHalf = 1u << (kBits - 1), kTables = kHalf > 16 ? kHalf / 16 : 1;

  // The boundaries of these numbers, all multiples of `step`.
  WideF at(WideU n, uint step) const {
    if (kTables > 2 && step >= 4) return pick(coarse_[0], coarse_[1], n / 4u);
    return entries(tables_, n);
  }

  WideF tables_[kTables];
  WideF coarse_[2];  // every fourth, of the 128 that codes of 8 bits have
};

}  // namespace anymetal
