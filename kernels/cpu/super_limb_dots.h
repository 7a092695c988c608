// LimbDots of blocks of 256 elements.
#pragma once
#include "cpu/small_limb_dots.h"
#include "cpu/super_blocks.h"

namespace anymetal {

typedef uint UnalignedWord __attribute__((aligned(2)));

inline Bytes64 bytes64_at(device const uchar* p) { return *(device const UnalignedBytes64*)p; }
// 32 bytes, twice.
inline Bytes64 bytes32_twice(device const uchar* p) {
  typedef ulong Ulong4 __attribute__((ext_vector_type(4)));
  typedef ulong Ulong8 __attribute__((ext_vector_type(8)));
  const Ulong4 w = __builtin_bit_cast(Ulong4, *(device const UnalignedBytes32*)p);
  return __builtin_bit_cast(Bytes64, (Ulong8)__builtin_shufflevector(w, w, 0, 1, 2, 3, 0, 1, 2, 3));
}
// The first and the last 32 bytes shifted left by so many bits, right where it is negative; what is shifted into a byte is
// anything.
inline Bytes64 shift_halves(Bytes64 bytes, int first, int last) {
  const Ushort32 v = __builtin_bit_cast(Ushort32, bytes);
  Ushort32 left, right;
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    const int count = i < 16 ? first : last;
    left[i] = ushort(count > 0 ? count : 0), right[i] = ushort(count < 0 ? -count : 0);
  }
  return __builtin_bit_cast(Bytes64, first > 0 || last > 0 ? v << left : v >> right);
}
// Two f16 beside each other, times `factor`, the first in even lanes, the second in odd ones.
inline WideF halves_at(device const half* p, float factor) {
  const WideU pairs = *(device const UnalignedWord*)p;
  typedef half Half32 __attribute__((ext_vector_type(32)));
  return __builtin_convertvector(__builtin_bit_cast(Half32, pairs).lo, WideF) * factor;
}
inline WideF even_lanes(WideF v) { return __builtin_shufflevector(v, v, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14); }
inline WideF odd_lanes(WideF v) { return __builtin_shufflevector(v, v, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15); }
// Lanes of each quarter have entry g of four entries of their own.
inline WideF entry_of_quarters(WideF entries, uint g) {
  switch (g) {
    case 0: return __builtin_shufflevector(entries, entries, 0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
    case 1: return __builtin_shufflevector(entries, entries, 1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9, 13, 13, 13, 13);
    case 2: return __builtin_shufflevector(entries, entries, 2, 2, 2, 2, 6, 6, 6, 6, 10, 10, 10, 10, 14, 14, 14, 14);
    default: return __builtin_shufflevector(entries, entries, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
  }
}

// Codes of 64 elements in a register, two of them in the low and high nibbles of 64 bytes: sub-blocks 0 and 2, 1 and 3, 4 and 6,
// 5 and 7 of Q4_K and Q5_K.
struct NibblePairDots {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 4, kRows = 4, kZero = 0 };
  enum : bool { kIsWide = false, kHasMinima = true, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return i / 8 * 128 + i / 4 % 2 * 32 + i % 4 / 2 * 64 + i % 2 * 16; }
  // Those of the first halves of sub-blocks, then of the second.
  static WideI sums(thread const WideI* quads) {
    const WideI s = sums_of_runs(quads);
    return __builtin_shufflevector(s, s, 0, 4, 2, 6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15);
  }

  struct ScaleRow {
    WideF scales, offsets;
    void unpack(device const uchar* packed, half d, half dmin, float factor) {
      alignas(64) float s[16];
      NibblePairUnits::unpack(packed, d, dmin, s);
      const WideF both = Wide::load(s) * factor;
      scales = __builtin_shufflevector(both, both, 0, 1, 4, 5, 0, 1, 4, 5, 2, 3, 6, 7, 2, 3, 6, 7);
      offsets = -__builtin_shufflevector(both, both, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    }
    WideF scale(uint g) const { return entry_of_quarters(scales, g); }
    WideF minima() const { return offsets; }
  };
};

template <>
struct LimbDots<BlockQ4_K> : NibblePairDots {
  struct Row : ScaleRow {
    Bytes64 nibbles[2];
    void load(device const BlockQ4_K* b, float factor) {
      unpack(b->scales, b->d, b->dmin, factor);
      nibbles[0] = bytes64_at(b->qs), nibbles[1] = bytes64_at(b->qs + 64);
    }
    Bytes64 codes(uint f) const { return nibbles_of(nibbles[f / 2], f % 2); }
  };
};

template <>
struct LimbDots<BlockQ5_K> : NibblePairDots {
  struct Row : ScaleRow {
    Bytes64 nibbles[2], high;
    void load(device const BlockQ5_K* b, float factor) {
      unpack(b->scales, b->d, b->dmin, factor);
      nibbles[0] = bytes64_at(b->qs), nibbles[1] = bytes64_at(b->qs + 64);
      high = bytes32_twice(b->qh);
    }
    Bytes64 codes(uint f) const {
      const int bit = int(f / 2 * 4 + f % 2);
      return nibbles_of(nibbles[f / 2], f % 2) | (shift_halves(high, 4 - bit, 2 - bit) & (uchar)16);
    }
  };
};

template <>
struct LimbDots<BlockQ6_K> {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 4, kRows = 2, kZero = 32 };
  enum : bool { kIsWide = false, kHasMinima = false, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return 16 * i; }

  struct Row {
    WideF scales;
    Bytes64 nibbles[2], high[2];
    void load(device const BlockQ6_K* b, float factor) {
      nibbles[0] = bytes64_at(b->ql), nibbles[1] = bytes64_at(b->ql + 64);
      high[0] = bytes32_twice(b->qh), high[1] = bytes32_twice(b->qh + 32);
      const WideF s = Wide::signed_bytes(b->scales) * (float(b->d) * factor);
      scales = __builtin_shufflevector(s, s, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    }
    Bytes64 codes(uint f) const {
      const Bytes64 top = f % 2 == 0 ? shift_halves(high[f / 2], 4, 2) : shift_halves(high[f / 2], 0, -2);
      return nibbles_of(nibbles[f / 2], f % 2) | (top & (uchar)48);
    }
    WideF scale(uint g) const { return entry_of_quarters(scales, g); }
  };
};

// Codes of two bits, times their scales in a table of each sub-block, of which there are four in a register.
struct BitPairDots {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 1, kRows = 4 };
  enum : bool { kIsWide = true, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return i % 4 / 2 * 128 + i / 4 * 32 + i % 2 * 16; }

  // Words with the bytes of scales, 16 from byte `first` on, that the tables of codes f, .., two words of each quarter a code,
  // are made of.
  template <uint kWords, uint f, uint first, class Bytes, uint... i>
  static Ushort32 words(Bytes scales, Sequence<uint, i...>) {
    const Bytes none = (uchar)0;
    const Bytes64 bytes = __builtin_shufflevector(
        scales, none,
        (i % 2 == 0 ? first + i / 32 * 8 + (f + i % 16 / (2 * kWords)) * 2 + i / 16 % 2 : sizeof(Bytes))...);
    return __builtin_bit_cast(Ushort32, bytes);
  }
  static Bytes64 look_up_pairs(Ushort32 tables, Bytes64 codes) {
    return look_up_quarters(__builtin_bit_cast(Bytes64, tables), codes);
  }
};

template <>
struct LimbDots<BlockQ2_K> : BitPairDots {
  enum : uint { kZero = 0 };
  enum : bool { kHasMinima = true };
  static WideI sums(thread const WideI* quads) {
    const WideI s = sums_of_runs(quads);
    return __builtin_shufflevector(s, s, 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  }

  struct Row {
    Bytes64 pairs;
    Ushort32 tables;  // 0, 1, 2 and 3 times the scale of each field
    WideF common, offsets;
    void load(device const BlockQ2_K* b, float factor) {
      pairs = bytes64_at(b->qs);
      const Bytes16 packed = *(device const UnalignedBytes16*)b->scales;
      typedef ulong Ulong8 __attribute__((ext_vector_type(8)));
      tables = words<2, 0, 0>(packed & (uchar)15, __make_integer_seq<Sequence, uint, 64>()) *
               __builtin_bit_cast(Ushort32, (Ulong8)0x0302010003020100ul);
      const WideF factors = halves_at(&b->d, factor);
      common = even_lanes(factors);
      offsets = __builtin_convertvector(packed >> (uchar)4, WideF) * -odd_lanes(factors);
    }
    Bytes64 codes(uint f) const { return look_up_pairs(tables, (shift_down(pairs, 2 * f) & (uchar)3) | uchar(4 * f)); }
    WideF scale(uint) const { return common; }
    WideF minima() const { return offsets; }
  };
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
    const auto all = __make_integer_seq<Sequence, uint, 64>();
    constexpr ulong c0 = (0x10000u - 4 - 3 * 256) & 0xffff, c1 = (0x10000u - 2 - 256) & 0xffff, c2 = 256, c3 = 2 + 3 * 256;
    constexpr ulong zeros = 257 * LimbDots<BlockQ3_K>::kZero;
    constexpr ulong o0 = (zeros - 32 * c0) & 0xffff, o1 = (zeros - 32 * c1) & 0xffff;
    constexpr ulong o2 = (zeros - 32 * c2) & 0xffff, o3 = (zeros - 32 * c3) & 0xffff;
    const Ushort32 pairs = __builtin_bit_cast(Ushort32, (Ulong8)(c0 | c1 << 16 | c2 << 32 | c3 << 48));
    const Ushort32 offsets = __builtin_bit_cast(Ushort32, (Ulong8)(o0 | o1 << 16 | o2 << 32 | o3 << 48));
    return BitPairDots::words<4, f, 16 * r>(scales, all) * pairs + offsets;
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

template <>
struct LimbDots<BlockIQ4_XS> {
  enum : uint { kBlocks = 1, kFields = 4, kGroups = 2, kRows = 4, kZero = 128 };
  enum : bool { kIsWide = true, kHasMinima = false, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return i / 8 * 128 + i % 4 * 32 + i / 4 % 2 * 16; }

  struct Row {
    Bytes64 nibbles[2];
    Float8 scales;
    void load(device const BlockIQ4_XS* b, float factor) {
      alignas(64) float s[8];
      BlockUnits<BlockIQ4_XS>::scales(*b, s);
      scales = Lanes<8>::load(s) * factor;
      nibbles[0] = bytes64_at(b->qs), nibbles[1] = bytes64_at(b->qs + 64);
    }
    Bytes64 codes(uint f) const { return look_up(raised(kIQ4_NL, 128.0f), nibbles_of(nibbles[f / 2], f % 2)); }
    WideF scale(uint g) const {
      if (g == 0) return __builtin_shufflevector(scales, scales, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
      return __builtin_shufflevector(scales, scales, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7);
    }
  };
};

}  // namespace anymetal
