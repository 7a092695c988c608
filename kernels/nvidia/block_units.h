// Block formats in units of 32 elements for NVIDIA threads: a unit's codes lie in a few words, which become floats without
// conversion instructions (a byte b in the mantissa of 2^23 is 2^23 + b).
#pragma once
#include "common/blocks.h"
#include "common/nvidia.h"

namespace anymetal {

// Words from an even address in threadgroup memory.
template <int N>
struct Words {
  uint at[N];
  explicit Words(threadgroup const uchar* from) {
    const ulong address = (ulong)from;
    threadgroup const uint* whole = (threadgroup const uint*)(from - (address & 2));
    const uint shift = uint(address & 2) * 8;
    uint low = whole[0];
    for (int i = 0; i < N; ++i) {
      const uint high = whole[i + 1];
      at[i] = uint((ulong(high) << 32 | low) >> shift);
      low = high;
    }
  }
};

// Sums of (code - kOffset) * x for codes that are bytes of words.
template <int kOffset>
struct ByteSums {
  float units = 0.0f, scaled = 0.0f;  // codes in bits 0 to 7, and in bits 8 to 15: 256 times as large

  void add(uint word, float x0, float x1, float x2, float x3) {
    const uint high = word >> 16;
    units += (bits(word, 0xffu) - (8388608.0f + kOffset)) * x0;
    scaled += (bits(word, 0xff00u) - (8388608.0f + 256 * kOffset)) * x1;
    units += (bits(high, 0xffu) - (8388608.0f + kOffset)) * x2;
    scaled += (bits(high, 0xff00u) - (8388608.0f + 256 * kOffset)) * x3;
  }
  void add(uint word, thread const float* x) { add(word, x[0], x[1], x[2], x[3]); }
  float total() const { return units + scaled * 0x1p-8f; }

 private:
  static float bits(uint word, uint mask) { return metal::as_type<float>((word & mask) | 0x4b000000u); }
};

// Bits i .. i+3 of a mask as the fifth bits of four bytes.
inline uint fifth_bits_of_bytes(uint mask, uint i) { return (((mask >> i) & 15u) * 0x00204081u & 0x01010101u) << 4; }

inline float half_at(threadgroup const uchar* at) { return float(*(threadgroup const half*)at); }

// 32 elements of x in the order in which a unit takes them, and sums of the first and the second 16.
struct UnitInput {
  float x[32];
  float sums[2];
};

// What is common to formats of 32 elements: a unit is a block, in its own order.
struct PlainUnits {
  static uint lane_of(uint k) { return k / 32; }
  static uint slot_of(uint k) { return k % 32; }
};
// Q4_K and Q5_K: 16 elements of a sub-block and the 16 of the next one in the same bytes' high halves.
struct PairedUnits {
  static uint lane_of(uint k) { return k / 64 * 2 + k % 32 / 16; }
  static uint slot_of(uint k) { return k % 64 / 32 * 16 + k % 16; }
};
// Q6_K: 8 elements of each quarter of half a block.
struct QuarteredUnits {
  static uint lane_of(uint k) { return k / 128 * 4 + k % 32 / 8; }
  static uint slot_of(uint k) { return k % 128 / 32 * 8 + k % 8; }
};

// dot(block, unit, in): the sum of the unit's weights times x, with the block in threadgroup memory at an even address.
template <class Block> struct Unit;

template <> struct Unit<BlockQ4_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const UnitInput& in) {
    const Words<4> q(block + 2);
    ByteSums<8> sums;
    for (int i = 0; i < 4; ++i) {
      sums.add(q.at[i] & 0x0f0f0f0fu, in.x + 4 * i);
      sums.add((q.at[i] >> 4) & 0x0f0f0f0fu, in.x + 16 + 4 * i);
    }
    return sums.total() * half_at(block);
  }
};

template <> struct Unit<BlockQ5_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const UnitInput& in) {
    const Words<5> q(block + 2);
    ByteSums<16> sums;
    for (int i = 0; i < 4; ++i) {
      sums.add((q.at[i + 1] & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 4 * i), in.x + 4 * i);
      sums.add(((q.at[i + 1] >> 4) & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 16 + 4 * i), in.x + 16 + 4 * i);
    }
    return sums.total() * half_at(block);
  }
};

template <> struct Unit<BlockQ5_1> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const UnitInput& in) {
    const Words<6> q(block);
    ByteSums<0> sums;
    for (int i = 0; i < 4; ++i) {
      sums.add((q.at[i + 2] & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[1], 4 * i), in.x + 4 * i);
      sums.add(((q.at[i + 2] >> 4) & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[1], 16 + 4 * i), in.x + 16 + 4 * i);
    }
    return sums.total() * half_at(block) + (in.sums[0] + in.sums[1]) * half_at(block + 2);
  }
};

template <> struct Unit<BlockQ8_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const UnitInput& in) {
    const Words<8> q(block + 2);
    ByteSums<128> sums;
    for (int i = 0; i < 8; ++i) sums.add(q.at[i] ^ 0x80808080u, in.x + 4 * i);
    return sums.total() * half_at(block);
  }
};

template <> struct Unit<BlockIQ4_NL> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const UnitInput& in) {
    // The table's bytes plus 128, four to a word.
    constexpr uint kTable[4] = {0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u};
    const Words<4> q(block + 2);
    ByteSums<128> sums;
    for (int i = 0; i < 4; ++i) {
      for (int half_word = 0; half_word < 2; ++half_word) {
        const uint codes = q.at[i] >> (16 * half_word), index = codes & 0x7777u;
        const uint below = nvidia::permute_bytes(kTable[0], kTable[1], index);
        const uint above = nvidia::permute_bytes(kTable[2], kTable[3], index);
        const uint values = nvidia::permute_bytes(below, above, 0x3210u | ((codes & 0x8888u) >> 1));
        thread const float* x = in.x + 4 * i + 2 * half_word;
        sums.add(values, x[0], x[16], x[1], x[17]);
      }
    }
    return sums.total() * half_at(block);
  }
};

// Scales and minima of sub-blocks 2p and 2p + 1 of Q4_K and Q5_K.
struct PairScales {
  float scale[2], least[2];
  PairScales(threadgroup const uchar* block, uint p) {
    const float d = half_at(block), dmin = half_at(block + 2);
    threadgroup const uchar* s = block + 4;
    const uint i = p * 2;
    for (uint j = 0; j < 2; ++j) {
      const uint low = s[i % 4 + j], middle = s[i % 4 + 4 + j], high = s[8 + i % 4 + j];
      const uint sc = p < 2 ? low & 63 : (high & 15) | (low >> 6) << 4;
      const uint mn = p < 2 ? middle & 63 : high >> 4 | (middle >> 6) << 4;
      scale[j] = d * float(sc);
      least[j] = dmin * float(mn);
    }
  }
  float total(ByteSums<0> even, ByteSums<0> odd, thread const UnitInput& in) const {
    return (scale[0] * even.total() - least[0] * in.sums[0]) + (scale[1] * odd.total() - least[1] * in.sums[1]);
  }
};

template <> struct Unit<BlockQ4_K> : PairedUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const UnitInput& in) {
    const Words<4> q(block + 16 + 16 * unit);
    ByteSums<0> even, odd;
    for (int i = 0; i < 4; ++i) {
      even.add(q.at[i] & 0x0f0f0f0fu, in.x + 4 * i);
      odd.add((q.at[i] >> 4) & 0x0f0f0f0fu, in.x + 16 + 4 * i);
    }
    return PairScales(block, unit / 2).total(even, odd, in);
  }
};

template <> struct Unit<BlockQ5_K> : PairedUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const UnitInput& in) {
    const Words<4> q(block + 48 + 16 * unit), h(block + 16 + 16 * (unit % 2));
    const uint bit = unit / 2 * 2;
    ByteSums<0> even, odd;
    for (int i = 0; i < 4; ++i) {
      const uint fifth = h.at[i] >> bit;
      even.add((q.at[i] & 0x0f0f0f0fu) | (fifth & 0x01010101u) << 4, in.x + 4 * i);
      odd.add(((q.at[i] >> 4) & 0x0f0f0f0fu) | (fifth & 0x02020202u) << 3, in.x + 16 + 4 * i);
    }
    return PairScales(block, unit / 2).total(even, odd, in);
  }
};

template <> struct Unit<BlockQ6_K> : QuarteredUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const UnitInput& in) {
    const uint u = unit / 4, q = unit % 4;
    const Words<2> first(block + 64 * u + 8 * q), second(block + 64 * u + 32 + 8 * q), high(block + 128 + 32 * u + 8 * q);
    threadgroup const char* scales = (threadgroup const char*)block + 192 + 8 * u + q / 2;
    float total = 0.0f;
    for (int r = 0; r < 4; ++r) {
      ByteSums<32> sums;
      for (int i = 0; i < 2; ++i) {
        const uint low = ((r % 2 == 0 ? first.at[i] : second.at[i]) >> (r / 2 * 4)) & 0x0f0f0f0fu;
        sums.add(low | ((high.at[i] >> (2 * r)) & 0x03030303u) << 4, in.x + 8 * r + 4 * i);
      }
      total += sums.total() * float(scales[2 * r]);
    }
    return total * half_at(block + 208);
  }
};

}  // namespace anymetal
