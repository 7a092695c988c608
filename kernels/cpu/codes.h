// Codes of block-quantised weights as registers of 64 bytes hold them.
//
// They lie in 16 words so that byte b of word l is that of element 16 b + l of a run: what lies at one place of all words is
// then a vector of consecutive elements.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

typedef uchar UnalignedBytes64 __attribute__((ext_vector_type(64), aligned(1)));
typedef uchar UnalignedBytes32 __attribute__((ext_vector_type(32), aligned(1)));
typedef ushort Ushort32 __attribute__((ext_vector_type(32)));

template <class T, T... i>
struct Sequence {};

// Byte b of word l: byte l of run b of four runs of 16.
struct FourRuns {
  static constexpr uint place(uint i) { return i % 4 * 16 + i / 4; }
  template <uint... i>
  static WideU arrange(UnalignedBytes64 bytes, Sequence<uint, i...>) {
    return __builtin_bit_cast(WideU, __builtin_shufflevector(bytes, bytes, place(i)...));
  }
  static WideU load(device const uchar* p) {
    return arrange(*(device const UnalignedBytes64*)p, __make_integer_seq<Sequence, uint, 64>());
  }
};

// Bytes b and b + 2 of word l: byte l of run b of two runs of 16.
struct TwoRuns {
  static constexpr uint place(uint i) { return i % 2 * 16 + i / 4; }
  template <uint... i>
  static WideU arrange(UnalignedBytes32 bytes, Sequence<uint, i...>) {
    return __builtin_bit_cast(WideU, __builtin_shufflevector(bytes, bytes, place(i)...));
  }
  static WideU load(device const uchar* p) {
    return arrange(*(device const UnalignedBytes32*)p, __make_integer_seq<Sequence, uint, 64>());
  }
};

// Bytes 0 and 1 of each word shifted by `low`, bytes 2 and 3 by `high` bits; what is shifted into a byte is anything.
inline Ushort32 two_counts(uint low, uint high) { return __builtin_bit_cast(Ushort32, (WideU)(low | high << 16)); }
inline WideU shift_left(WideU v, uint low, uint high) {
  return __builtin_bit_cast(WideU, __builtin_bit_cast(Ushort32, v) << two_counts(low, high));
}
inline WideU shift_right(WideU v, uint low, uint high) {
  return __builtin_bit_cast(WideU, __builtin_bit_cast(Ushort32, v) >> two_counts(low, high));
}

// The low `bits` bits of each byte of `low`, and the others of `high`.
template <uint bits>
WideU join(WideU low, WideU high) {
  constexpr uint mask = ((1u << bits) - 1) * 0x01010101u;
  return (low & mask) | (high & ~mask);
}

}  // namespace anymetal
