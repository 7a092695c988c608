// Blocks of 32 elements for cpu/blocks.h, and what their decoders share with those of 256.
#pragma once
#include "common/blocks.h"
#include "cpu/byte_codes.h"

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

// table[n & 15] in each lane.
inline WideF pick(WideF table, WideU n) {
  WideF result;
  __msl_look_up_16(&result, &table, &n);
  return result;
}

// Entry n & 31 of two tables in each lane.
inline WideF pick(WideF low, WideF high, WideU n) {
  WideF result;
  __msl_look_up_32(&result, &low, &high, &n);
  return result;
}

inline WideF counting() { return (WideF){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

// Nibbles with 16 bits from `high` on as their fifth; what is above it is anything. Reads a byte on either side.
inline WideU five_bits(WideU n, device const uchar* high) {
  typedef uint UnalignedWord __attribute__((aligned(1)));
  const WideU word = *(device const UnalignedWord*)(high - 1);
  return (n & 15u) | ((word >> (WideU){4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}) & ~15u);
}
// w[0] from the low nibbles of 16 bytes, (n & 15) * scale + offset, and w[1] from the high ones.
inline void nibbles(device const uchar* p, WideF scale0, WideF offset0, WideF scale1, WideF offset1, thread WideF& w0,
                    thread WideF& w1) {
  if (__msl_vector_bits() >= 512) {
    const WideU n = Wide::bytes(p);
    w0 = pick(counting() * scale0 + offset0, n);
    w1 = pick(counting() * scale1 + offset1, n >> 4u);
  } else {
    const Codes n = codes_at(p);
    w0 = to_float(n & 15) * scale0 + offset0;
    w1 = to_float(n >> 4) * scale1 + offset1;
  }
}

// The entries of a table of small integers, times `scale`, that the low and the high nibbles of 16 bytes name.
inline void look_up_nibbles(device const uchar* p, constant float* table, WideF scale, thread WideF* w) {
  if (__msl_vector_bits() >= 512) {
    const WideU n = Wide::bytes(p);
    const WideF values = known_table(table) * scale;
    w[0] = pick(values, n);
    w[1] = pick(values, n >> 4u);
  } else {
    const Codes n = codes_at(p);
    w[0] = look_up_integers(table, n & 15) * scale;
    w[1] = look_up_integers(table, n >> 4) * scale;
  }
}

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
    if (__msl_vector_bits() >= 512) {
      const WideU n = Wide::bytes(b.qs);
      const WideF values = (counting() - 8.0f) * d;
      w[0] = pick(values, n);
      w[1] = pick(values, n >> 4u);
    } else {
      const Codes n = codes_at(b.qs);
      w[0] = (to_float(n & 15) - 8.0f) * d;
      w[1] = (to_float(n >> 4) - 8.0f) * d;
    }
  }
};

template <>
struct BlockUnits<BlockQ4_1> : SmallBlockUnits {
  static void scales(device const BlockQ4_1&, thread float*) {}
  static void unit(device const BlockQ4_1& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d), m = splat(b.m);
    nibbles(b.qs, d, m, d, m, w[0], w[1]);
  }
};

template <>
struct BlockUnits<BlockQ5_0> : SmallBlockUnits {
  static void scales(device const BlockQ5_0&, thread float*) {}
  static void unit(device const BlockQ5_0& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d);
    if (__msl_vector_bits() >= 512) {
      const WideU n = Wide::bytes(b.qs);
      w[0] = pick(counting() - 16.0f, counting(), five_bits(n, b.qh)) * d;
      w[1] = pick(counting() - 16.0f, counting(), five_bits(n >> 4u, b.qh + 2)) * d;
    } else {
      const Codes n = codes_at(b.qs);
      w[0] = (to_float((n & 15) | where_bits<0>(b.qh, 16)) - 16.0f) * d;
      w[1] = (to_float((n >> 4) | where_bits<2>(b.qh, 16)) - 16.0f) * d;
    }
  }
};

template <>
struct BlockUnits<BlockQ5_1> : SmallBlockUnits {
  static void scales(device const BlockQ5_1&, thread float*) {}
  static void unit(device const BlockQ5_1& b, thread const float*, uint, thread WideF* w) {
    const WideF d = splat(b.d), m = splat(b.m);
    if (__msl_vector_bits() >= 512) {
      const WideU n = Wide::bytes(b.qs);
      w[0] = pick(counting(), counting() + 16.0f, five_bits(n, b.qh)) * d + m;
      w[1] = pick(counting(), counting() + 16.0f, five_bits(n >> 4u, b.qh + 2)) * d + m;
    } else {
      const Codes n = codes_at(b.qs);
      w[0] = to_float((n & 15) | where_bits<0>(b.qh, 16)) * d + m;
      w[1] = to_float((n >> 4) | where_bits<2>(b.qh, 16)) * d + m;
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
    look_up_nibbles(b.qs, kIQ4_NL, splat(b.d), w);
  }
};

template <>
struct BlockUnits<BlockMXFP4> : SmallBlockUnits {
  static void scales(device const BlockMXFP4&, thread float*) {}
  static void unit(device const BlockMXFP4& b, thread const float*, uint, thread WideF* w) {
    const uint e = b.e;  // 2^-128 and 2^-127 are subnormal
    look_up_nibbles(b.qs, kTwiceE2M1, metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23), w);
  }
};

}  // namespace anymetal
