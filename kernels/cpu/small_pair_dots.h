// PairDots of blocks of 32 elements: four blocks a unit, the first halves of two of them in half a field.
#pragma once
#include "cpu/pair_dots.h"
#include "cpu/small_limb_dots.h"

namespace anymetal {

// The two f16 that each of two blocks begins with, beside each other in four lanes. As words, which come from memory into all
// lanes at once.
inline Float8 halves_of_two(device const void* a, device const void* b) {
  typedef uint UnalignedWord __attribute__((aligned(1)));
  typedef uint Words4 __attribute__((ext_vector_type(4)));
  typedef half Half8 __attribute__((ext_vector_type(8)));
  const Words4 first = *(device const UnalignedWord*)a, second = *(device const UnalignedWord*)b;
  const Half8 both = __builtin_bit_cast(Half8, (Words4)__builtin_shufflevector(first, second, 0, 1, 6, 7));
  return __builtin_convertvector(both, Float8);
}
inline Float8 firsts(Float8 pairs) { return __builtin_shufflevector(pairs, pairs, 0, 0, 2, 2, 4, 4, 6, 6); }
inline Float8 seconds(Float8 pairs) { return __builtin_shufflevector(pairs, pairs, 1, 1, 3, 3, 5, 5, 7, 7); }

// The fifth bits of two blocks, from the words on that lie `at`: those of a field in the place of 16.
inline Codes fifths_of_two(device const uchar* a, device const uchar* b, uint field) {
  const Codes words = codes_of_two(a, b);
  const Codes bytes = field == 0 ? __builtin_shufflevector(words, words, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 16, 16,
                                                           16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 17)
                                 : __builtin_shufflevector(words, words, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 18, 18,
                                                           18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19);
  const Codes place = twice((Codes16){1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128});
  return __builtin_bit_cast(Codes, (bytes & place) == place) & (uchar)16;
}

// Layout of a unit as LimbDots has it. Codes are below 32.
template <class Block>
struct SmallPairDots {
  typedef LimbDots<Block> Limbs;
  enum : uint { kBlocks = Limbs::kBlocks, kFields = 2, kGroups = 1, kRows = 1, kZero = Limbs::kIsWide ? 0 : Limbs::kZero };
  enum : bool { kIsWide = false, kHasMinima = Limbs::kHasMinima, kScalesMayBeTiny = false };
  static_assert(kBlocks == 4);
  static constexpr uint run(uint i) { return Limbs::run(i); }
  static WideI sums(thread const WideI* quads) { return Limbs::sums(quads); }

  // Nibbles of two blocks.
  static Codes codes(device const Block* b, uint field) { return codes_nibbles(codes_of_two(b[0].qs, b[1].qs), field); }
  static Float8 scales(device const Block* b) { return firsts(halves_of_two(b, b + 1)); }
  static Float8 minima(device const Block*) { return 0.0f; }

  // What two blocks give with half h of a unit, as whole numbers.
  template <class Dots>
  static Float8 whole(device const Block* b, threadgroup const LimbUnit<Dots>& unit, uint h) {
    static_assert(!Limbs::kIsWide && kZero < 32, "two fields' products fit");
    const Codes first = Dots::codes(b, 0), second = Dots::codes(b, 1);
    Short16 sums[3];
#pragma unroll
    for (uint n = 0; n < 3; ++n)
      sums[n] = byte_dots(first, half_limbs(unit, 0, n, h)) + byte_dots(second, half_limbs(unit, 1, n, h));
    const Int8 upper = word_dots(sums[0], (short)256) + word_dots(sums[1], (short)1);
    Int8 all = (upper << 8) + word_dots(sums[2], (short)1);
    if constexpr (kZero != 0) all += half_of(unit.zeros[0], h);
    return __builtin_convertvector(all, Float8);
  }
  struct Row {
    device const Block* b;
    void load(device const Block* block) { b = block; }
  };
  // With a unit's products added.
  static Float8 add(Row row, threadgroup const LimbUnit<PairDots<Block>>& unit, Float8 acc) {
    typedef PairDots<Block> Dots;
    device const Block* b = row.b;
    Float8 sum = 0.0f;
#pragma unroll
    for (uint h = 0; h < 2; ++h) {
      const Float8 products = Dots::whole(b + 2 * h, unit, h);
      if constexpr (Limbs::kScalesMayBeTiny) {
        acc = __builtin_elementwise_fma(Dots::scales(b + 2 * h), products * unit.factor, acc);
      } else {
        sum = __builtin_elementwise_fma(Dots::scales(b + 2 * h), products, sum);
      }
      if constexpr (kHasMinima) sum = __builtin_elementwise_fma(Dots::minima(b + 2 * h), half_of(unit.sums, h), sum);
    }
    return Limbs::kScalesMayBeTiny ? acc : __builtin_elementwise_fma(sum, (Float8)unit.factor, acc);
  }
};

template <>
struct PairDots<BlockQ4_0> : SmallPairDots<BlockQ4_0> {};

template <>
struct PairDots<BlockQ4_1> : SmallPairDots<BlockQ4_1> {
  static Float8 minima(device const BlockQ4_1* b) { return seconds(halves_of_two(b, b + 1)); }
};

template <class Block>
struct FiveBitPairDots : SmallPairDots<Block> {
  static Codes codes(device const Block* b, uint field) {
    return SmallPairDots<Block>::codes(b, field) | fifths_of_two(b[0].qh, b[1].qh, field);
  }
};
template <>
struct PairDots<BlockQ5_0> : FiveBitPairDots<BlockQ5_0> {};

template <>
struct PairDots<BlockQ5_1> : FiveBitPairDots<BlockQ5_1> {
  static Float8 minima(device const BlockQ5_1* b) { return seconds(halves_of_two(b, b + 1)); }
};

template <>
struct PairDots<BlockMXFP4> : SmallPairDots<BlockMXFP4> {
  static Codes codes(device const BlockMXFP4* b, uint field) {
    return entries_of(raised(kTwiceE2M1, 12.0f), SmallPairDots<BlockMXFP4>::codes(b, field));
  }
  static Float8 scales(device const BlockMXFP4* b) {
    // As decode().
    const auto power = [](uint e) { return (Float8)metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); };
    return __builtin_shufflevector(power(b[0].e), power(b[1].e), 0, 1, 2, 3, 12, 13, 14, 15);
  }
};

template <>
struct PairDots<BlockIQ4_NL> : SmallPairDots<BlockIQ4_NL> {
  enum : uint { kRows = 2 };  // that share absolute values
  static Float8 whole(device const BlockIQ4_NL* b, threadgroup const LimbUnit<PairDots<BlockIQ4_NL>>& unit, uint h) {
    const Codes first = entries_of(raised(kIQ4_NL, 0.0f), codes(b, 0)), second = entries_of(raised(kIQ4_NL, 0.0f), codes(b, 1));
    Int8 sums[3];
#pragma unroll
    for (uint n = 0; n < 3; ++n) {
      sums[n] = word_dots(signed_dots(first, half_limbs(unit, 0, n, h)), (short)1) +
                word_dots(signed_dots(second, half_limbs(unit, 1, n, h)), (short)1);
    }
    const Float8 high = __builtin_convertvector(sums[0], Float8);
    return __builtin_elementwise_fma(high, (Float8)65536.0f, __builtin_convertvector((sums[1] << 8) + sums[2], Float8));
  }
};

}  // namespace anymetal
