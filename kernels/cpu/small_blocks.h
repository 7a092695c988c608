// Blocks of 32 elements for cpu/blocks.h, and what their decoders share with those of 256.
#pragma once
#include "common/blocks.h"
#include "cpu/wide.h"

// Bits of the widest vector register the kernel is compiled for.
extern "C" __attribute__((nothrow, const)) uint __msl_vector_bits();
// Look-ups in a table of 16 or 32 by the low bits of each number.
extern "C" __attribute__((nothrow)) void __msl_look_up_16(thread anymetal::WideF* result, thread const anymetal::WideF* table,
                                                          thread const anymetal::WideU* index);
extern "C" __attribute__((nothrow)) void __msl_look_up_32(thread anymetal::WideF* result, thread const anymetal::WideF* low,
                                                          thread const anymetal::WideF* high, thread const anymetal::WideU* index);

namespace anymetal {

inline WideF splat(half value) {
  typedef half Half16 __attribute__((ext_vector_type(16)));
  return __builtin_convertvector((Half16)value, WideF);
}

// table[n & 15] in each lane: one permutation where a register holds the table, two and a choice where it takes two.
inline WideF pick(WideF table, WideU n) {
  WideF result;
  if (__msl_vector_bits() >= 512) {
    __msl_look_up_16(&result, &table, &n);
    return result;
  }
  const Int16 index = __builtin_convertvector(n, Int16);
  result.lo = (index.lo & 8) != 0 ? __builtin_shufflevector(table.hi, index.lo) : __builtin_shufflevector(table.lo, index.lo);
  result.hi = (index.hi & 8) != 0 ? __builtin_shufflevector(table.hi, index.hi) : __builtin_shufflevector(table.lo, index.hi);
  return result;
}

// Entry n & 31 of two tables in each lane.
inline WideF pick(WideF low, WideF high, WideU n) {
  WideF result;
  __msl_look_up_32(&result, &low, &high, &n);
  return result;
}

// (n & 15) * scale + offset, where `steps` is 0 .. 15 times scale plus offset.
inline WideF nibble(WideF steps, WideU n, WideF scale, WideF offset) {
  if (__msl_vector_bits() >= 512) return pick(steps, n);
  return Wide::to_float(n & 15u) * scale + offset;
}
inline WideF counting() { return (WideF){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

// `on` in the lanes whose bit is set, `off` in the others.
inline WideU choose(Bool16 bits, WideU on, WideU off) { return __builtin_convertvector(bits, Int16) != 0 ? on : off; }
inline WideU fifth_bit(WideU n, Bool16 bits) { return choose(bits, n | 16u, n); }
// Nibbles with 16 bits from `high` on as their fifth; what is above it is anything. Reads a byte on either side.
inline WideU five_bits(WideU n, device const uchar* high) {
  typedef uint UnalignedWord __attribute__((aligned(1)));
  const WideU word = *(device const UnalignedWord*)(high - 1);
  return (n & 15u) | ((word >> (WideU){4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}) & ~15u);
}
inline Bool16 bits_at(device const uchar* p) { return __builtin_bit_cast(Bool16, ushort(p[0] | p[1] << 8)); }

// What all blocks of 32 elements share: one unit of two vectors.
struct SmallBlockUnits {
  enum : uint { kUnits = 1, kVectors = 2, kApart = 16, kScales = 1 };
  static uint first(uint) { return 0; }
};

template <class Block>
struct BlockUnits;

template <>
struct BlockUnits<BlockQ4_0> : SmallBlockUnits {
  static void scales(device const BlockQ4_0&, thread float*) {}
  static void unit(device const BlockQ4_0& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d);
    const WideU n = Wide::bytes(b.qs);
    if (__msl_vector_bits() >= 512) {
      const WideF values = (counting() - 8.0f) * d;
      w[0] = pick(values, n);
      w[1] = pick(values, n >> 4u);
    } else {
      w[0] = (Wide::to_float(n & 15u) - 8.0f) * d;
      w[1] = (Wide::to_float(n >> 4u) - 8.0f) * d;
    }
  }
};

template <>
struct BlockUnits<BlockQ4_1> : SmallBlockUnits {
  static void scales(device const BlockQ4_1&, thread float*) {}
  static void unit(device const BlockQ4_1& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d), m = splat(b.m);
    const WideF steps = counting() * d + m;
    const WideU n = Wide::bytes(b.qs);
    w[0] = nibble(steps, n, d, m);
    w[1] = nibble(steps, n >> 4u, d, m);
  }
};

template <>
struct BlockUnits<BlockQ5_0> : SmallBlockUnits {
  static void scales(device const BlockQ5_0&, thread float*) {}
  static void unit(device const BlockQ5_0& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d);
    const WideU n = Wide::bytes(b.qs);
    if (__msl_vector_bits() >= 512) {
      w[0] = pick(counting() - 16.0f, counting(), five_bits(n, b.qh)) * d;
      w[1] = pick(counting() - 16.0f, counting(), five_bits(n >> 4u, b.qh + 2)) * d;
    } else {
      // The nibble where the fifth bit is set, else 16 less: as if that bit were the sign's.
      w[0] = Wide::to_float(choose(bits_at(b.qh), n & 15u, n | ~15u)) * d;
      w[1] = Wide::to_float(choose(bits_at(b.qh + 2), n >> 4u, (n >> 4u) | ~15u)) * d;
    }
  }
};

template <>
struct BlockUnits<BlockQ5_1> : SmallBlockUnits {
  static void scales(device const BlockQ5_1&, thread float*) {}
  static void unit(device const BlockQ5_1& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d), m = splat(b.m);
    const WideU n = Wide::bytes(b.qs);
    if (__msl_vector_bits() >= 512) {
      w[0] = pick(counting(), counting() + 16.0f, five_bits(n, b.qh)) * d + m;
      w[1] = pick(counting(), counting() + 16.0f, five_bits(n >> 4u, b.qh + 2)) * d + m;
    } else {
      w[0] = Wide::to_float(fifth_bit(n & 15u, bits_at(b.qh))) * d + m;
      w[1] = Wide::to_float(fifth_bit(n >> 4u, bits_at(b.qh + 2))) * d + m;
    }
  }
};

template <>
struct BlockUnits<BlockQ8_0> : SmallBlockUnits {
  static void scales(device const BlockQ8_0&, thread float*) {}
  static void unit(device const BlockQ8_0& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d);
    w[0] = Wide::signed_bytes(b.qs) * d;
    w[1] = Wide::signed_bytes(b.qs + 16) * d;
  }
};

template <>
struct BlockUnits<BlockIQ4_NL> : SmallBlockUnits {
  static void scales(device const BlockIQ4_NL&, thread float*) {}
  static void unit(device const BlockIQ4_NL& b, thread const float*, uint, thread WideF* w) {
    const WideF values = Wide::load(kIQ4_NL) * splat(b.d);
    const WideU n = Wide::bytes(b.qs);
    w[0] = pick(values, n);
    w[1] = pick(values, n >> 4u);
  }
};

template <>
struct BlockUnits<BlockMXFP4> : SmallBlockUnits {
  static void scales(device const BlockMXFP4&, thread float*) {}
  static void unit(device const BlockMXFP4& b, thread const float*, uint, thread WideF* w) {
    const uint e = b.e;  // 2^-128 and 2^-127 are subnormal
    const WideF values = Wide::load(kTwiceE2M1) * metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    const WideU n = Wide::bytes(b.qs);
    w[0] = pick(values, n);
    w[1] = pick(values, n >> 4u);
  }
};

}  // namespace anymetal
