// LimbDots of blocks of 32 elements: four blocks a unit, their first halves one field, their second halves the other, so that a
// quarter of each belongs to a block.
#pragma once
#include "common/blocks.h"
#include "cpu/limbs.h"

namespace anymetal {

typedef ushort Ushort16 __attribute__((ext_vector_type(16)));
typedef half Half16 __attribute__((ext_vector_type(16)));
typedef ulong Ulong8 __attribute__((ext_vector_type(8)));

// The bytes of four blocks.
template <class Block>
struct FourBlocks {
  enum : uint { kSize = sizeof(Block), kLast = 4 * kSize - 64 };
  Bytes64 begin, end;

  void load(device const Block* b) {
    begin = *(device const UnalignedBytes64*)b;
    end = *(device const UnalignedBytes64*)((device const uchar*)b + kLast);
  }
  // Where in the two registers byte `at` of block b is.
  static constexpr uint place(uint b, uint at) { return b * kSize + at < 64 ? b * kSize + at : b * kSize + at - kLast + 64; }

  // Bytes at, at + 1, .. of each, 16 / kCopies of them, as often in a row as there are copies.
  template <uint at, uint kCopies, uint... i>
  Bytes64 bytes(Sequence<uint, i...>) const {
    return __builtin_shufflevector(begin, end, place(i / 16, at + i % 16 / kCopies)...);
  }
  template <uint at, uint kCopies = 1>
  Bytes64 bytes() const {
    return bytes<at, kCopies>(__make_integer_seq<Sequence, uint, 64>());
  }
  // The f16 at byte `at` of each, in four lanes.
  template <uint at, uint... i>
  WideF halves(Sequence<uint, i...>) const {
    const Ushort16 h = __builtin_shufflevector(__builtin_bit_cast(Ushort32, begin), __builtin_bit_cast(Ushort32, end),
                                               place(i / 4, at) / 2 ...);
    return __builtin_convertvector(__builtin_bit_cast(Half16, h), WideF);
  }
  template <uint at>
  WideF halves() const {
    static_assert(kSize % 2 == 0 && at % 2 == 0);
    return halves<at>(__make_integer_seq<Sequence, uint, 16>());
  }
  // The byte `at` of each as a number in four lanes.
  template <uint at, uint... i>
  WideU numbers(Sequence<uint, i...>) const {
    const Bytes16 b = __builtin_shufflevector(begin, end, place(i / 4, at)...);
    return __builtin_convertvector(b, WideU);
  }
  template <uint at>
  WideU numbers() const {
    return numbers<at>(__make_integer_seq<Sequence, uint, 16>());
  }
};

// Bits of bytes moved down; what is shifted into a byte is anything. In words, as there is no such instruction for bytes.
inline Bytes64 shift_down(Bytes64 bytes, uint bits) {
  return __builtin_bit_cast(Bytes64, __builtin_bit_cast(Ushort32, bytes) >> ushort(bits));
}
inline Bytes64 nibbles_of(Bytes64 bytes, uint field) { return shift_down(bytes, 4 * field) & (uchar)15; }

// Bytes multiplied by a matrix of bits for every eight of them: bit 7 - i becomes the parity of a byte and byte i of its matrix.
inline Bytes64 multiply_bits(Bytes64 bytes, Ulong8 matrices) {
  const Bytes64 m = __builtin_bit_cast(Bytes64, matrices);
  Bytes64 result;
  __msl_multiply_bits(&result, &bytes, &m);
  return result;
}

template <class Block>
struct SmallLimbDots {
  enum : uint { kBlocks = 4, kFields = 2, kGroups = 1, kRows = 4, kZero = 0 };
  enum : bool { kIsWide = false, kHasMinima = false, kScalesMayBeTiny = false };
  static constexpr uint run(uint i) { return i % 4 * 32 + i / 4 * 16; }
  static WideI sums(thread const WideI* quads) { return quads[0] + quads[1]; }

  struct NibbleRow {
    FourBlocks<Block> blocks;
    WideF scales;
    Bytes64 nibbles;
    template <uint scale, uint codes>
    void load(device const Block* b, float factor) {
      blocks.load(b);
      scales = blocks.template halves<scale>() * factor;
      nibbles = blocks.template bytes<codes>();
    }
    Bytes64 codes(uint field) const { return nibbles_of(nibbles, field); }
    WideF scale(uint) const { return scales; }
  };
  // With the bits of `fifths` on as their fifth.
  template <uint scale, uint fifths, uint at>
  struct FiveBitRow : NibbleRow {
    Ulong8 bits;  // of each half of a block, those of the first field in byte 3, of the second in byte 7
    void load(device const Block* b, float factor) {
      NibbleRow::template load<scale, at>(b, factor);
      bits = halves(__make_integer_seq<Sequence, uint, 64>()) & 0xff000000ff000000ul;
    }
    template <uint... i>
    Ulong8 halves(Sequence<uint, i...>) const {
      typedef FourBlocks<Block> Blocks;
      const Bytes64 bytes = __builtin_shufflevector(this->blocks.begin, this->blocks.end,
                                                    Blocks::place(i / 16, fifths + i % 8 / 4 * 2 + i % 16 / 8)...);
      return __builtin_bit_cast(Ulong8, bytes);
    }
    // Bit i of a byte becomes bit 4 of byte i, as byte 3 of a matrix that is multiplied by 1 << i; what the bytes behind it become
    // are the low bits, in whose place the nibbles are.
    Bytes64 codes(uint field) const {
      const Bytes64 single = __builtin_bit_cast(Bytes64, (Ulong8)0x8040201008040201ul);
      const Bytes64 fifth = multiply_bits(single, bits >> (32ul * field));
      return (shift_down(this->nibbles, 4 * field) & (uchar)15) | (fifth & (uchar)0xf0);
    }
  };
};

// What each quarter's table of 16 bytes has for its codes.
inline Bytes64 look_up_quarters(Bytes64 tables, Bytes64 codes) {
  Bytes64 result;
  __msl_look_up_quarters(&result, &tables, &codes);
  return result;
}
// What a table of 16 bytes has for codes.
inline Bytes64 look_up(Bytes16 table, Bytes64 codes) {
  typedef uint Words4 __attribute__((ext_vector_type(4)));
  const Words4 w = __builtin_bit_cast(Words4, table);
  return look_up_quarters(__builtin_bit_cast(Bytes64, (WideU)w.xyzwxyzwxyzwxyzw), codes);
}
// Entries of a table of small integers, with `zero` added.
inline Bytes16 raised(constant float* table, float zero) {
  return __builtin_convertvector(__builtin_convertvector(known_table(table) + zero, WideI), Bytes16);
}

template <>
struct LimbDots<BlockQ4_0> : SmallLimbDots<BlockQ4_0> {
  enum : uint { kZero = 8 };
  struct Row : NibbleRow {
    void load(device const BlockQ4_0* b, float factor) { NibbleRow::load<0, 2>(b, factor); }
  };
};

template <>
struct LimbDots<BlockQ4_1> : SmallLimbDots<BlockQ4_1> {
  enum : bool { kHasMinima = true };
  struct Row : NibbleRow {
    WideF offsets;
    void load(device const BlockQ4_1* b, float factor) {
      NibbleRow::load<0, 4>(b, factor);
      offsets = blocks.halves<2>() * factor;
    }
    WideF minima() const { return offsets; }
  };
};

template <>
struct LimbDots<BlockQ5_0> : SmallLimbDots<BlockQ5_0> {
  enum : uint { kZero = 16 };
  typedef FiveBitRow<0, 2, 6> Row;
};

template <>
struct LimbDots<BlockQ5_1> : SmallLimbDots<BlockQ5_1> {
  enum : bool { kHasMinima = true };
  struct Row : FiveBitRow<0, 4, 8> {
    WideF offsets;
    void load(device const BlockQ5_1* b, float factor) {
      FiveBitRow<0, 4, 8>::load(b, factor);
      offsets = blocks.halves<2>() * factor;
    }
    WideF minima() const { return offsets; }
  };
};

template <>
struct LimbDots<BlockIQ4_NL> : SmallLimbDots<BlockIQ4_NL> {
  enum : uint { kZero = 128 };
  enum : bool { kIsWide = true };
  struct Row : NibbleRow {
    void load(device const BlockIQ4_NL* b, float factor) { NibbleRow::load<0, 2>(b, factor); }
    Bytes64 codes(uint field) const { return look_up(raised(kIQ4_NL, 128.0f), NibbleRow::codes(field)); }
  };
};

template <>
struct LimbDots<BlockMXFP4> : SmallLimbDots<BlockMXFP4> {
  enum : uint { kZero = 12 };
  enum : bool { kScalesMayBeTiny = true };
  struct Row {
    Bytes64 nibbles;
    WideF scales;
    void load(device const BlockMXFP4* b, float) {
      FourBlocks<BlockMXFP4> blocks;
      blocks.load(b);
      nibbles = blocks.bytes<1>();
      const WideU e = blocks.numbers<0>();  // 2^-128 and 2^-127 are subnormal
      scales = __builtin_bit_cast(WideF, e < 2u ? 0x00200000u << e : (e - 1u) << 23u);
    }
    Bytes64 codes(uint field) const { return look_up(raised(kTwiceE2M1, 12.0f), nibbles_of(nibbles, field)); }
    WideF scale(uint) const { return scales; }
  };
};

}  // namespace anymetal
