// Blocks of 256 elements for cpu/blocks.h.
#pragma once
#include "cpu/small_blocks.h"

namespace anymetal {

// Units of 64 elements of blocks that keep the low nibbles of 32 and the high nibbles of the next 32 in the same bytes.
// Scales of the eight sub-blocks, times d, come first, then their minima, times dmin.
struct NibblePairUnits {
  enum : uint { kUnits = 4, kVectors = 4, kApart = 16, kScales = 16 };
  static uint first(uint u) { return 64 * u; }
  // The numbers themselves.
  static Codes16 six_bits(device const uchar* packed) {
    typedef uint Words4 __attribute__((ext_vector_type(4)));
    typedef uint UnalignedWords4 __attribute__((ext_vector_type(4), aligned(1)));
    const Words4 w = *(device const UnalignedWords4*)packed;  // of the fourth word nothing is used
    const Words4 low = (w.xzyz >> (Words4){0, 0, 0, 4}) & (Words4){0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f};
    return __builtin_bit_cast(Codes16, low | ((w.xxyy >> 2u) & (Words4){0, 0x30303030, 0, 0x30303030}));
  }
  static void unpack(device const uchar* packed, half d, half dmin, thread float* s) {
    typedef half Half16 __attribute__((ext_vector_type(16)));
    const Half16 factors = __builtin_shufflevector((Half16)d, (Half16)dmin, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31);
    Wide::store(s, __builtin_convertvector(six_bits(packed), WideF) * __builtin_convertvector(factors, WideF));
  }
};

template <>
struct BlockUnits<BlockQ4_K> : NibblePairUnits {
  static void scales(device const BlockQ4_K& b, thread float* s) { unpack(b.scales, b.d, b.dmin, s); }
  static void unit(device const BlockQ4_K& b, thread const float* s, uint u, thread WideF* w) {
    const WideF scale0 = s[2 * u], offset0 = -s[2 * u + 8], scale1 = s[2 * u + 1], offset1 = -s[2 * u + 9];
    nibbles(b.qs + 32 * u, scale0, offset0, scale1, offset1, w[0], w[2]);
    nibbles(b.qs + 32 * u + 16, scale0, offset0, scale1, offset1, w[1], w[3]);
  }
};

template <>
struct BlockUnits<BlockQ5_K> : NibblePairUnits {
  static void scales(device const BlockQ5_K& b, thread float* s) { unpack(b.scales, b.d, b.dmin, s); }
  static void unit(device const BlockQ5_K& b, thread const float* s, uint u, thread WideF* w) {
    const uchar even = uchar(1u << (2 * u)), odd = uchar(2u << (2 * u));
    const WideF scale0 = s[2 * u], offset0 = -s[2 * u + 8], scale1 = s[2 * u + 1], offset1 = -s[2 * u + 9];
#pragma unroll
    for (uint i = 0; i < 2; ++i) {
      if (__msl_vector_bits() >= 512) {
        const Codes16 high = *(device const UnalignedBytes16*)(b.qh + 16 * i);
        const WideU n = Wide::bytes(b.qs + 32 * u + 16 * i);
        w[i] = Wide::to_float(fifth_bit(n & 15u, has_bit(high, even))) * scale0 + offset0;
        w[i + 2] = Wide::to_float(fifth_bit(n >> 4u, has_bit(high, odd))) * scale1 + offset1;
      } else {
        const Codes n = codes_at(b.qs + 32 * u + 16 * i), high = codes_at(b.qh + 16 * i);
        w[i] = to_float((n & 15) | where(high & even, 16)) * scale0 + offset0;
        w[i + 2] = to_float((n >> 4) | where(high & odd, 16)) * scale1 + offset1;
      }
    }
  }
  static Bool16 has_bit(Codes16 bytes, uchar bit) { return __builtin_convertvector((bytes & bit) != 0, Bool16); }
  static WideU fifth_bit(WideU n, Bool16 bits) { return __builtin_convertvector(bits, Int16) != 0 ? n | 16u : n; }
};

// Units of four vectors, 32 elements apart, that share the bytes of two bits per element.
struct BitPairUnits {
  enum : uint { kUnits = 4, kVectors = 4, kApart = 32 };
  static uint first(uint u) { return 128 * (u / 2) + 16 * (u % 2); }
  // Where the bytes of a unit begin among 32 bytes per 128 elements.
  static uint byte(uint u) { return 32 * (u / 2) + 16 * (u % 2); }
  static uint scale(uint u, uint j) { return 8 * (u / 2) + 2 * j + u % 2; }
};

// (n & mask) + first as one permutation, where a register holds 16 floats; mask is 3 or 7.
inline WideF low_bits(WideU n, uint mask, float first) {
  const WideU lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return pick(Wide::to_float(lane & mask) + first, n);
}

template <>
struct BlockUnits<BlockQ2_K> : BitPairUnits {
  enum : uint { kScales = 32 };
  static void scales(device const BlockQ2_K& b, thread float* s) {
    const WideU packed = Wide::bytes(b.scales);
    Wide::store(s, Wide::to_float(packed & 15u) * splat(b.d));
    Wide::store(s + 16, Wide::to_float(packed >> 4u) * splat(b.dmin));
  }
  static void unit(device const BlockQ2_K& b, thread const float* s, uint u, thread WideF* w) {
    const WideU pairs = Wide::bytes(b.qs + byte(u));
    const Codes codes = codes_at(b.qs + byte(u));
#pragma unroll
    for (uint j = 0; j < 4; ++j) {
      const WideF n = __msl_vector_bits() >= 512 ? low_bits(pairs >> (2 * j), 3, 0.0f) : to_float((codes >> uchar(2 * j)) & 3);
      w[j] = n * s[scale(u, j)] - s[16 + scale(u, j)];
    }
  }
};

template <>
struct BlockUnits<BlockQ3_K> : BitPairUnits {
  enum : uint { kScales = 16 };
  static void scales(device const BlockQ3_K& b, thread float* s) {
    const Uint8 low = Lanes<8>::bytes(b.scales);
    const uint high = uint(b.scales[8]) | uint(b.scales[9]) << 8 | uint(b.scales[10]) << 16 | uint(b.scales[11]) << 24;
    // Two bits of scale t are bits 2 (t / 4) and the next of byte t % 4.
    const WideU places = {0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30};
    WideU six = ((WideU(high) >> places) & 3u) << 4u;
    six.lo |= low & 15u;
    six.hi |= low >> 4u;
    Wide::store(s, (Wide::to_float(six) - 32.0f) * splat(b.d));
  }
  static void unit(device const BlockQ3_K& b, thread const float* s, uint u, thread WideF* w) {
    const WideU pairs = Wide::bytes(b.qs + byte(u)), high = Wide::bytes(b.hmask + 16 * (u % 2)) >> (4 * (u / 2));
    const Codes codes = codes_at(b.qs + byte(u)), tops = codes_at(b.hmask + 16 * (u % 2)) >> uchar(4 * (u / 2));
#pragma unroll
    for (uint j = 0; j < 4; ++j) {
      WideF n;
      if (__msl_vector_bits() >= 512) {
        const WideU third = j < 2 ? high << (2 - j) : high >> (j - 2);
        n = low_bits(((pairs >> (2 * j)) & 3u) | (third & ~3u), 7, -4.0f);
      } else {
        const Codes third = j < 2 ? tops << uchar(2 - j) : tops >> uchar(j - 2);
        n = to_float(((codes >> uchar(2 * j)) & 3) | (third & 4)) - 4.0f;
      }
      w[j] = n * s[scale(u, j)];
    }
  }
};

template <>
struct BlockUnits<BlockQ6_K> : BitPairUnits {
  enum : uint { kScales = 16 };
  static void scales(device const BlockQ6_K& b, thread float* s) {
    Wide::store(s, Wide::signed_bytes(b.scales) * splat(b.d));
  }
  static void unit(device const BlockQ6_K& b, thread const float* s, uint u, thread WideF* w) {
    const uint half = u / 2, l = 16 * (u % 2);
    if (__msl_vector_bits() >= 512) {
      const WideU n0 = Wide::bytes(b.ql + 64 * half + l), n1 = Wide::bytes(b.ql + 64 * half + 32 + l);
      const WideU high = Wide::bytes(b.qh + byte(u));
      const WideU n[4] = {(n0 & 15u) | ((high << 4u) & 48u), (n1 & 15u) | ((high << 2u) & 48u), (n0 >> 4u) | (high & 48u),
                          (n1 >> 4u) | ((high >> 2u) & 48u)};
#pragma unroll
      for (uint j = 0; j < 4; ++j) w[j] = (Wide::to_float(n[j]) - 32.0f) * s[scale(u, j)];
    } else {
      const Codes n0 = codes_at(b.ql + 64 * half + l), n1 = codes_at(b.ql + 64 * half + 32 + l);
      const Codes high = codes_at(b.qh + byte(u));
      const Codes n[4] = {(n0 & 15) | ((high << 4) & 48), (n1 & 15) | ((high << 2) & 48), (n0 >> 4) | (high & 48),
                          (n1 >> 4) | ((high >> 2) & 48)};
#pragma unroll
      for (uint j = 0; j < 4; ++j) w[j] = (to_float(n[j]) - 32.0f) * s[scale(u, j)];
    }
  }
};

template <>
struct BlockUnits<BlockIQ4_XS> {
  enum : uint { kUnits = 8, kVectors = 2, kApart = 16, kScales = 8 };
  static uint first(uint u) { return 32 * u; }
  static Int8 integer_scales(device const BlockIQ4_XS& b) {
    const uint low = uint(b.scales_l[0]) | uint(b.scales_l[1]) << 8 | uint(b.scales_l[2]) << 16 | uint(b.scales_l[3]) << 24;
    const Uint8 step = Lanes<8>::counting_from(0);
    const Uint8 six = ((Uint8(low) >> (4u * step)) & 15u) | (((Uint8(uint(b.scales_h)) >> (2u * step)) & 3u) << 4u);
    return __builtin_convertvector(six, Int8) - 32;
  }
  static void scales(device const BlockIQ4_XS& b, thread float* s) {
    Lanes<8>::store(s, __builtin_convertvector(integer_scales(b), Float8) * float(b.d));
  }
  static void unit(device const BlockIQ4_XS& b, thread const float* s, uint u, thread WideF* w) {
    look_up_nibbles(b.qs + 16 * u, kIQ4_NL, s[u], w);
  }
};

}  // namespace anymetal
