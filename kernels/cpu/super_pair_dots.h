// PairDots of blocks of 256 elements: half a field is 32 elements beside each other, of one sub-block or two.
#pragma once
#include "cpu/bit_pair_dots.h"
#include "cpu/pair_dots.h"

namespace anymetal {

// Sums of products with each limb.
struct PairSums {
  Int8 of[3] = {0, 0, 0};
  Float8 whole() const {
    const Float8 low = __builtin_convertvector(of[2], Float8), middle = __builtin_convertvector(of[1], Float8);
    const Float8 lower = __builtin_elementwise_fma(middle, (Float8)256.0f, low);
    return __builtin_elementwise_fma(__builtin_convertvector(of[0], Float8), (Float8)65536.0f, lower);
  }
};

// A unit is a block. Row has codes<j>() of elements 32 j to 32 j + 31, their scales, integers, scale<j>(), and
// finish(unit, products, acc), which adds the products, times the block's factor, and the minima.
template <class Block>
struct SuperPairDots {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 1, kRows = 1, kZero = 0 };
  enum : bool { kIsWide = true, kHasMinima = true, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return LimbDots<Block>::run(i); }

  template <uint f, uint h, class Row>
  static void add_half(thread const Row& row, threadgroup const LimbUnit<PairDots<Block>>& unit, thread PairSums& sums) {
    constexpr uint j = run(4 * f + 2 * h) / 32;
    const Codes codes = row.template codes<j>();
    const Short16 scale = row.template scale<j>();
#pragma unroll
    for (uint n = 0; n < 3; ++n) sums.of[n] += word_dots(byte_dots(codes, half_limbs(unit, f, n, h)), scale);
  }
  template <class Row>
  static Float8 add(thread const Row& row, threadgroup const LimbUnit<PairDots<Block>>& unit, Float8 acc) {
    PairSums sums;
    add_half<0, 0>(row, unit, sums), add_half<0, 1>(row, unit, sums);
    add_half<1, 0>(row, unit, sums), add_half<1, 1>(row, unit, sums);
    add_half<2, 0>(row, unit, sums), add_half<2, 1>(row, unit, sums);
    add_half<3, 0>(row, unit, sums), add_half<3, 1>(row, unit, sums);
    return row.finish(unit, sums.whole(), acc);
  }
};

// Sums of 16 elements, in order, times what 16 numbers of a block are.
template <class Dots>
Float8 of_sixteen(Int16 numbers, threadgroup const LimbUnit<Dots>& unit) {
  const WideF n = __builtin_convertvector(numbers, WideF);
  return __builtin_elementwise_fma(n.lo, half_of(unit.sums, 0), n.hi * half_of(unit.sums, 1));
}
typedef char SignedBytes16 __attribute__((ext_vector_type(16)));

// Eight scales in each half of a register: those of the first and of the second halves of eight halves of fields.
struct ScaleWords {
  Short16 words;
  // The even ones of 16 in one half, the odd ones in the other.
  void set_sixteen(SignedBytes16 n) {
    const SignedBytes16 order = __builtin_shufflevector(n, n, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    words = __builtin_convertvector(order, Short16);
  }
  // The first eight in both.
  void set_eight(Codes16 n) {
    words = __builtin_convertvector(__builtin_shufflevector(n, n, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7), Short16);
  }
  template <uint j>
  Short16 scale() const {
    return of<j>(__make_integer_seq<Sequence, uint, 16>());
  }
  template <uint j, uint... i>
  Short16 of(Sequence<uint, i...>) const {
    return __builtin_shufflevector(words, words, (i / 8 * 8 + j)...);
  }
};

// Two f16 beside each other, times `factor`. They come from memory, where a broadcast is part of a load: one of a register
// permutes.
class BlockFactors {
 public:
  BlockFactors(device const half* p, float factor) {
    typedef half Half2 __attribute__((ext_vector_type(2)));
    kept_ = __builtin_convertvector(__builtin_bit_cast(Half2, *(device const UnalignedWord*)p), Float2) * factor;
  }
  Float8 operator[](uint i) const { return ((volatile thread const float*)&kept_)[i]; }

 private:
  typedef float Float2 __attribute__((ext_vector_type(2)));
  volatile Float2 kept_;
};

template <class Block>
struct SixBitPairDots : SuperPairDots<Block> {
  // Of sub-blocks, in half a vector.
  static WideI sums(thread const WideI* quads) {
    const WideI s = pair_sums(sums_of_runs(quads), (WideI)0);
    return __builtin_shufflevector(s, s, 0, 2, 1, 3, 4, 6, 5, 7, 8, 8, 8, 8, 8, 8, 8, 8);
  }
  struct Row : ScaleWords {
    device const Block* b;
    Codes16 six;
    void load(device const Block* block) {
      b = block;
      six = NibblePairUnits::six_bits(b->scales);
      set_eight(six);
    }
    template <uint j>
    Codes nibbles() const {
      return codes_nibbles(*(device const UnalignedBytes32*)(b->qs + 32 * (j / 2)), j % 2);
    }
    Float8 finish(threadgroup const LimbUnit<PairDots<Block>>& unit, Float8 products, Float8 acc) const {
      const BlockFactors factors(&b->d, unit.factor);
      const Float8 offsets = __builtin_convertvector(__builtin_convertvector(six.hi, Int8), Float8) * half_of(unit.sums, 0);
      return __builtin_elementwise_fma(-factors[1], offsets, __builtin_elementwise_fma(factors[0], products, acc));
    }
  };
};

template <>
struct PairDots<BlockQ4_K> : SixBitPairDots<BlockQ4_K> {
  struct Row : SixBitPairDots<BlockQ4_K>::Row {
    template <uint j>
    Codes codes() const {
      return nibbles<j>();
    }
  };
};

template <>
struct PairDots<BlockQ5_K> : SixBitPairDots<BlockQ5_K> {
  struct Row : SixBitPairDots<BlockQ5_K>::Row {
    template <uint j>
    Codes codes() const {
      const Codes high = *(device const UnalignedBytes32*)b->qh;
      return nibbles<j>() | (codes_moved(high, 4 - int(j)) & (uchar)16);
    }
  };
};

template <class Block>
struct SixteenPairDots : SuperPairDots<Block> {
  // In order.
  static WideI sums(thread const WideI* quads) {
    alignas(64) int runs[16];
    const WideI s = sums_of_runs(quads);
#pragma unroll
    for (uint i = 0; i < 16; ++i) runs[SuperPairDots<Block>::run(i) / 16] = s[i];
    return *(thread const WideI*)runs;
  }
};

template <>
struct PairDots<BlockQ2_K> : SixteenPairDots<BlockQ2_K> {
  struct Row : ScaleWords {
    device const BlockQ2_K* b;
    void load(device const BlockQ2_K* block) {
      b = block;
      set_sixteen(__builtin_bit_cast(SignedBytes16, *(device const UnalignedBytes16*)b->scales & (uchar)15));
    }
    template <uint j>
    Codes codes() const {
      return codes_down(*(device const UnalignedBytes32*)(b->qs + 32 * (j / 4)), 2 * (j % 4)) & (uchar)3;
    }
    Float8 finish(threadgroup const LimbUnit<PairDots<BlockQ2_K>>& unit, Float8 products, Float8 acc) const {
      const Codes16 packed = *(device const UnalignedBytes16*)b->scales;
      const Float8 minima = of_sixteen(__builtin_convertvector(packed >> (uchar)4, Int16), unit);
      const BlockFactors factors(&b->d, unit.factor);
      return __builtin_elementwise_fma(-factors[1], minima, __builtin_elementwise_fma(factors[0], products, acc));
    }
  };
};

// Codes less kMiddle, with signed scales.
template <class Block, int kMiddle>
struct SignedScaleRow : ScaleWords {
  device const Block* b;
  Int16 numbers;  // the scales in order
  void set(device const Block* block, SignedBytes16 in_order) {
    b = block;
    numbers = __builtin_convertvector(in_order, Int16);
    set_sixteen(in_order);
  }
  Float8 finish(threadgroup const LimbUnit<PairDots<Block>>& unit, Float8 products, Float8 acc) const {
    products = __builtin_elementwise_fma(of_sixteen(numbers, unit), (Float8)(float(-kMiddle)), products);
    return __builtin_elementwise_fma((Float8)(float(b->d) * unit.factor), products, acc);
  }
};

template <>
struct PairDots<BlockQ3_K> : SixteenPairDots<BlockQ3_K> {
  struct Row : SignedScaleRow<BlockQ3_K, 4> {
    void load(device const BlockQ3_K* block) {
      typedef uint Words4 __attribute__((ext_vector_type(4)));
      // Two bytes before the scales and two behind them: all of it is in the block.
      const Codes16 around = *(device const UnalignedBytes16*)(block->scales - 2);
      const Words4 w = __builtin_bit_cast(
          Words4, (Codes16)__builtin_shufflevector(around, around, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 14, 15));
      const Words4 low = (w.xyxy >> (Words4){0, 0, 4, 4}) & 0x0f0f0f0fu, high = (w.zzzz >> (Words4){0, 2, 4, 6}) & 0x03030303u;
      set(block, __builtin_bit_cast(SignedBytes16, low | high << 4u) - (char)32);
    }
    template <uint j>
    Codes codes() const {
      const Codes pairs = *(device const UnalignedBytes32*)(b->qs + 32 * (j / 4)),
                  thirds = *(device const UnalignedBytes32*)b->hmask;
      return (codes_down(pairs, 2 * (j % 4)) & (uchar)3) | (codes_moved(thirds, 2 - int(j)) & (uchar)4);
    }
  };
};

template <>
struct PairDots<BlockQ6_K> : SixteenPairDots<BlockQ6_K> {
  struct Row : SignedScaleRow<BlockQ6_K, 32> {
    void load(device const BlockQ6_K* block) { set(block, *(device const UnalignedSignedBytes16*)block->scales); }
    template <uint j>
    Codes codes() const {
      const Codes nibbles = *(device const UnalignedBytes32*)(b->ql + 64 * (j / 4) + 32 * (j % 2));
      const Codes high = *(device const UnalignedBytes32*)(b->qh + 32 * (j / 4));
      return codes_nibbles(nibbles, j / 2 % 2) | (codes_moved(high, 4 - 2 * int(j % 4)) & (uchar)48);
    }
  };
};

template <>
struct PairDots<BlockIQ4_XS> {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 1, kRows = 2, kZero = 0 };  // rows share absolute values
  enum : bool { kIsWide = true, kHasMinima = false, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return LimbDots<BlockIQ4_XS>::run(i); }

  struct Row : ScaleWords {
    device const BlockIQ4_XS* b;
    void load(device const BlockIQ4_XS* block) {
      b = block;
      const Int8 n = BlockUnits<BlockIQ4_XS>::integer_scales(*b);
      words = __builtin_convertvector(__builtin_shufflevector(n, n, 0, 2, 4, 6, 0, 2, 4, 6, 1, 3, 5, 7, 1, 3, 5, 7), Short16);
    }
  };
  // Half h of the fields g and g + 1: the first and the second halves of two sub-blocks.
  template <uint g, uint h>
  static void add_half(thread const Row& row, threadgroup const LimbUnit<PairDots<BlockIQ4_XS>>& unit, thread PairSums& sums) {
    const Codes nibbles = *(device const UnalignedBytes32*)(row.b->qs + 32 * (g + h));
    const Short16 factor = row.scale<g + h>();
#pragma unroll
    for (uint i = 0; i < 2; ++i) {
      const Codes codes = entries_of(raised(kIQ4_NL, 0.0f), codes_nibbles(nibbles, i));
#pragma unroll
      for (uint n = 0; n < 3; ++n) sums.of[n] += word_dots(signed_dots(codes, half_limbs(unit, g + i, n, h)), factor);
    }
  }
  static Float8 add(thread const Row& row, threadgroup const LimbUnit<PairDots<BlockIQ4_XS>>& unit, Float8 acc) {
    PairSums sums;
    add_half<0, 0>(row, unit, sums), add_half<0, 1>(row, unit, sums);
    add_half<2, 0>(row, unit, sums), add_half<2, 1>(row, unit, sums);
    return __builtin_elementwise_fma((Float8)(float(row.b->d) * unit.factor), sums.whole(), acc);
  }
};

}  // namespace anymetal
