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
