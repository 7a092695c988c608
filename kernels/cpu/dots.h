// Products of whole blocks with a vector, for cpu/rows.h where registers hold 64 bytes.
//
// Codes become numbers where they lie in 16 words: all bits but theirs are cleared, and what is left is converted, 2^at times
// the code. The vector is made ready once for several rows: each of its parts divided by the power of two of its codes.
// That is 4 instructions for 16 weights, of which no more than two need the same of a core's vector units.
//
// BlockCodes<Block> says how a block is read as 16 vectors of 16 elements: words(b, w) gives kWords times 16 words, of which
// word(i) has the codes of vector i, kBits bits from bit at(i) on. kZero is the code of 0.
#pragma once
#include "cpu/blocks.h"
#include "cpu/codes.h"

namespace anymetal {

template <class Block>
struct BlockCodes;

template <>
struct BlockCodes<BlockQ6_K> {
  enum : uint { kWords = 4, kBits = 6, kZero = 32 };
  static constexpr uint word(uint i) { return i / 4; }
  static constexpr uint at(uint i) { return 8 * (i % 4); }
  static void words(device const BlockQ6_K* b, thread WideU* w) {
#pragma unroll
    for (uint i = 0; i < 2; ++i) {
      const WideU n = FourRuns::load(b->ql + 64 * i), h = TwoRuns::load(b->qh + 32 * i);
      w[2 * i] = join<4>(n, shift_left(h, 4, 2));
      w[2 * i + 1] = join<4>(n >> 4u, shift_right(h, 0, 2));
    }
  }
};

template <>
struct BlockCodes<BlockQ3_K> {
  enum : uint { kWords = 4, kBits = 3, kZero = 4 };
  static constexpr uint word(uint i) { return i / 2 % 4; }
  static constexpr uint at(uint i) { return 8 * (i / 8 * 2 + i % 2); }
  static void words(device const BlockQ3_K* b, thread WideU* w) {
    const WideU n = FourRuns::load(b->qs), h = shift_right(TwoRuns::load(b->hmask), 0, 4);
    w[0] = join<2>(n, h << 2u), w[1] = join<2>(n >> 2u, h << 1u);
    w[2] = join<2>(n >> 4u, h), w[3] = join<2>(n >> 6u, h >> 1u);
  }
};

// The part of a vector that belongs to a block, and the block's products with it.
template <class Block>
struct FieldDots {
  typedef BlockCodes<Block> Codes;
  enum : uint { kVectors = 16, kScales = 16 };
  WideF parts[kVectors];
  WideF zeros[kVectors];  // what codes of 0 add

  template <class X>
  void prepare(X x, ulong k) {
#pragma unroll
    for (uint i = 0; i < kVectors; ++i) {
      const WideF part = x(0, k + 16 * i);
      parts[i] = part * (1.0f / float(1u << Codes::at(i)));
      zeros[i] = part * -float(Codes::kZero);
    }
  }

  static void scales(device const Block* b, thread float* s) { BlockUnits<Block>::scales(*b, s); }

  // Adds the products of a block of two rows each, of which `s` are the scales, to four sums of each: an addition waits for the
  // last of one, and a part of the vector is read for both.
  void add(device const Block* thread const* b, thread const float (*s)[kScales], thread WideF (*sums)[4]) const {
    WideU w[2][Codes::kWords];
    WideF four[2][4];
#pragma unroll
    for (uint r = 0; r < 2; ++r) {
      Codes::words(b[r], w[r]);
#pragma unroll
      for (uint i = 0; i < 4; ++i) four[r][i] = sums[r][i];
    }
#pragma unroll
    for (uint i = 0; i < kVectors; ++i) {
      const WideF part = parts[i], zero = zeros[i];
#pragma unroll
      for (uint r = 0; r < 2; ++r) {
        const WideU field = w[r][Codes::word(i)] & (((1u << Codes::kBits) - 1) << Codes::at(i));
        const WideF product = __builtin_convertvector(field, WideF) * part + zero;
        four[r][i % 4] = __builtin_elementwise_fma((WideF)s[r][i], product, four[r][i % 4]);
      }
    }
#pragma unroll
    for (uint r = 0; r < 2; ++r) {
#pragma unroll
      for (uint i = 0; i < 4; ++i) sums[r][i] = four[r][i];
    }
  }
};

// Whether that is faster than what BlockUnits gives, one vector after the other.
template <class Block> struct HasFields { enum : bool { value = false }; };
template <> struct HasFields<BlockQ3_K> { enum : bool { value = true }; };
template <> struct HasFields<BlockQ6_K> { enum : bool { value = true }; };

}  // namespace anymetal
