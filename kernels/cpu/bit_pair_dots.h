// LimbDots of blocks of 256 elements that keep two bits of four elements in a byte.
#pragma once
#include "cpu/super_limb_dots.h"

namespace anymetal {

// Codes of two bits, times their scales in a table of each sub-block, of which there are four in a register.
struct BitPairDots {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 1, kRows = 4 };
  enum : bool { kIsWide = true, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return i % 4 / 2 * 128 + i / 4 * 32 + i % 2 * 16; }

  static Bytes64 look_up_pairs(Ushort32 tables, Bytes64 codes) {
    return look_up_quarters(__builtin_bit_cast(Bytes64, tables), codes);
  }
};

template <>
struct LimbDots<BlockQ2_K> : BitPairDots {
  enum : uint { kZero = 0 };
  enum : bool { kHasMinima = true };
  // In lane 4 q + i that of byte 4 i + q of the scales, which is so many places up in a word.
  static WideI sums(thread const WideI* quads) {
    const WideI s = sums_of_runs(quads);
    return __builtin_shufflevector(s, s, 0, 8, 2, 10, 1, 9, 3, 11, 4, 12, 6, 14, 5, 13, 7, 15);
  }
};

// What counts here is how many instructions permute, beside products: scales are in all quarters at once, and factors come from
// memory, where a broadcast is part of a load.
template <>
struct LimbRows<LimbDots<BlockQ2_K>> {
  Bytes64 pairs[4];
  Ushort32 tables[4];  // 0, 1, 2 and 3 times the scale of each field
  WideU packed[4];     // scales and minima, the same in each quarter
  volatile Float8 factors;  // row by row that of scales and that of minima

  void load(device const BlockQ2_K* thread const* b, float factor) {
    typedef uint Words4 __attribute__((ext_vector_type(4)));
    typedef half Half8 __attribute__((ext_vector_type(8)));
#pragma unroll
    for (uint r = 0; r < 4; ++r) {
      pairs[r] = bytes64_at(b[r]->qs);
      packed[r] = __builtin_bit_cast(Words4, *(device const UnalignedBytes16*)b[r]->scales).xyzwxyzwxyzwxyzw;
      tables[r] = table(packed[r], __make_integer_seq<Sequence, uint, 64>());
    }
    const auto word = [&](uint r) { return *(device const UnalignedWord*)&b[r]->d; };
    const Half8 halves = __builtin_bit_cast(Half8, (Words4){word(0), word(1), word(2), word(3)});
    factors = __builtin_convertvector(halves, Float8) * factor;
  }
  // Words of two codes' entries, four bytes for each of the four fields of a quarter.
  template <uint... i>
  static Ushort32 table(WideU packed, Sequence<uint, i...>) {
    const Bytes64 scales = __builtin_bit_cast(Bytes64, packed & 0x0f0f0f0fu), none = (uchar)0;
    const Bytes64 words = __builtin_shufflevector(
        scales, none, (i % 2 == 0 ? i / 16 * 16 + i / 32 * 8 + i % 16 / 4 * 2 + i / 16 % 2 : 64)...);
    return __builtin_bit_cast(Ushort32, words) * __builtin_bit_cast(Ushort32, (Ulong8)0x0302010003020100ul);
  }
  float of_row(uint r, uint which) const { return ((volatile thread const float*)&factors)[2 * r + which]; }

  Bytes64 codes(uint r, uint f) const {
    return BitPairDots::look_up_pairs(tables[r], (shift_down(pairs[r], 2 * f) & (uchar)3) | uchar(4 * f));
  }
  WideF scale(uint r, uint) const { return (WideF)of_row(r, 0); }
  void add_minima(threadgroup const LimbUnit<LimbDots<BlockQ2_K>>& unit, thread WideF* acc) const {
    const WideU place = {4, 4, 4, 4, 12, 12, 12, 12, 20, 20, 20, 20, 28, 28, 28, 28};
#pragma unroll
    for (uint r = 0; r < 4; ++r) {
      const WideF minima = __builtin_convertvector((packed[r] >> place) & 15u, WideF) * (WideF)of_row(r, 1);
      acc[r] = __builtin_elementwise_fma(minima, -unit.sums, acc[r]);
    }
  }
};

typedef ulong Ulong2 __attribute__((ext_vector_type(2)));
typedef ulong UnalignedUlong2 __attribute__((ext_vector_type(2), aligned(1)));
// 16 bytes of each of four rows.
inline Bytes64 quarters(device const uchar* a, device const uchar* b, device const uchar* c, device const uchar* d) {
  const Ulong2 ab[2] = {*(device const UnalignedUlong2*)a, *(device const UnalignedUlong2*)b};
  const Ulong2 cd[2] = {*(device const UnalignedUlong2*)c, *(device const UnalignedUlong2*)d};
  const auto low = __builtin_shufflevector(ab[0], ab[1], 0, 1, 2, 3), high = __builtin_shufflevector(cd[0], cd[1], 0, 1, 2, 3);
  return __builtin_bit_cast(Bytes64, (Ulong8)__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7));
}
template <>
struct LimbDots<BlockQ3_K> : BitPairDots {
  enum : uint { kZero = 124 };  // -4 * 31
  enum : bool { kHasMinima = false };
};

template <> struct IsUnpackedAhead<LimbDots<BlockQ3_K>> { enum : bool { value = true }; };

// Scales of four rows are taken together, those of a row in a quarter of a register.
template <>
struct LimbRows<LimbDots<BlockQ3_K>> {
  Bytes64 pairs[4], thirds[4];  // the low bits; the high ones, a bit of 32 bytes for each eighth, twice
  Ushort32 tables[4][2];
  Float8 factors;  // row by row

  void load(device const BlockQ3_K* thread const* b, float factor) {
    // Two bytes before the scales and two behind them: all of it is in the block.
    const Bytes64 packed = quarters(b[0]->scales - 2, b[1]->scales - 2, b[2]->scales - 2, b[3]->scales - 2);
    const Bytes64 scales = unpacked(packed, __make_integer_seq<Sequence, uint, 64>());
    tables[0][0] = table<0, 0>(scales), tables[0][1] = table<2, 0>(scales);
    tables[1][0] = table<0, 1>(scales), tables[1][1] = table<2, 1>(scales);
    tables[2][0] = table<0, 2>(scales), tables[2][1] = table<2, 2>(scales);
    tables[3][0] = table<0, 3>(scales), tables[3][1] = table<2, 3>(scales);
#pragma unroll
    for (uint r = 0; r < 4; ++r) {
      pairs[r] = bytes64_at(b[r]->qs);
      thirds[r] = bytes32_twice(b[r]->hmask);
    }
    // The factor is what follows the scales.
    typedef half Half32 __attribute__((ext_vector_type(32)));
    const Half32 h = __builtin_bit_cast(Half32, packed);
    factors = __builtin_convertvector(__builtin_shufflevector(h, h, 7, 15, 23, 31, 7, 15, 23, 31), Float8) * factor;
  }
  // The 16 scales of each quarter, which bytes 2 to 13 of it hold.
  template <uint... i>
  static Bytes64 unpacked(Bytes64 packed, Sequence<uint, i...>) {
    const WideU low = __builtin_bit_cast(WideU, __builtin_shufflevector(packed, packed, (i / 16 * 16 + 2 + i % 8)...));
    const WideU high = __builtin_bit_cast(WideU, __builtin_shufflevector(packed, packed, (i / 16 * 16 + 10 + i % 4)...));
    const WideU by_four = (WideU){0, 0, 4, 4, 0, 0, 4, 4, 0, 0, 4, 4, 0, 0, 4, 4};
    const WideU by_two = (WideU){0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6};
    return __builtin_bit_cast(Bytes64, ((low >> by_four) & 0x0f0f0f0fu) | ((high >> by_two) & 0x03030303u) << 4u);
  }
  // For fields f and f + 1 of row r all codes less 4 times the scale less 32, with kZero added.
  template <uint f, uint r>
  static Ushort32 table(Bytes64 scales) {
    // Two codes' entries are the bytes of a word: with kZero added neither borrows from the other.
    constexpr ulong c0 = (0x10000u - 4 - 3 * 256) & 0xffff, c1 = (0x10000u - 2 - 256) & 0xffff, c2 = 256, c3 = 2 + 3 * 256;
    constexpr ulong zeros = 257 * LimbDots<BlockQ3_K>::kZero;
    constexpr ulong o0 = (zeros - 32 * c0) & 0xffff, o1 = (zeros - 32 * c1) & 0xffff;
    constexpr ulong o2 = (zeros - 32 * c2) & 0xffff, o3 = (zeros - 32 * c3) & 0xffff;
    const Ushort32 pairs = __builtin_bit_cast(Ushort32, (Ulong8)(c0 | c1 << 16 | c2 << 32 | c3 << 48));
    const Ushort32 offsets = __builtin_bit_cast(Ushort32, (Ulong8)(o0 | o1 << 16 | o2 << 32 | o3 << 48));
    return words<f, 16 * r>(scales, __make_integer_seq<Sequence, uint, 64>()) * pairs + offsets;
  }
  // Words with the bytes of scales, 16 from byte `first` on, that the tables of fields f and f + 1 are made of: four words of each
  // quarter a field.
  template <uint f, uint first, uint... i>
  static Ushort32 words(Bytes64 scales, Sequence<uint, i...>) {
    const Bytes64 none = (uchar)0;
    const Bytes64 bytes = __builtin_shufflevector(
        scales, none, (i % 2 == 0 ? first + i / 32 * 8 + (f + i % 16 / 8) * 2 + i / 16 % 2 : 64)...);
    return __builtin_bit_cast(Ushort32, bytes);
  }
  // Bits 2f and 2f + 1 of the low ones, 4 times bit f of the high ones, f + 4 in the second half; of odd fields 8 more.
  Bytes64 codes(uint r, uint f) const {
    const ulong third = 1ul << (40 + f), other = third << 4;
    const Bytes64 high = multiply_bits(thirds[r], (Ulong8){third, third, third, third, other, other, other, other});
    if (f % 2 == 0) return BitPairDots::look_up_pairs(tables[r][f / 2], high | (shift_down(pairs[r], 2 * f) & (uchar)3));
    const Bytes64 low = multiply_bits(pairs[r], (Ulong8)(1ul << (56 + 2 * f) | 2ul << (48 + 2 * f)));
    return BitPairDots::look_up_pairs(tables[r][f / 2], high | low | (uchar)8);
  }
  WideF scale(uint r, uint) const {
    return (WideF)factors[r];
  }
  void add_minima(threadgroup const LimbUnit<LimbDots<BlockQ3_K>>&, thread WideF*) const {}
};

}  // namespace anymetal
