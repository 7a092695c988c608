// Block formats in units of 32 elements for NVIDIA threads: a unit's codes lie in a few words, which become floats without
// conversion instructions (a byte b in the mantissa of 2^23 is 2^23 + b).
#pragma once
#include "common/blocks.h"
#include "common/nvidia.h"
#include "nvidia/code_tables.h"

namespace anymetal {

// Words from any address in threadgroup memory.
template <int N>
struct Words {
  uint at[N];
  explicit Words(threadgroup const uchar* from) {
    const ulong address = (ulong)from;
    threadgroup const uint* whole = (threadgroup const uint*)(from - (address & 3));
    const uint shift = uint(address & 3) * 8;
    uint low = whole[0];
    for (int i = 0; i < N; ++i) {
      const uint high = whole[i + 1];
      at[i] = uint((ulong(high) << 32 | low) >> shift);
      low = high;
    }
  }
};

// Codes that are bytes of a word as floats, those in bits 8 to 15 of either half 256 times as large; less kOffset.
template <int kOffset>
struct ByteCodes {
  float at[4];
  explicit ByteCodes(uint word) : at{low(word), high(word), low(word >> 16), high(word >> 16)} {}

 private:
  static float low(uint word) { return metal::as_type<float>((word & 0xffu) | 0x4b000000u) - (8388608.0f + kOffset); }
  static float high(uint word) { return metal::as_type<float>((word & 0xff00u) | 0x4b000000u) - (8388608.0f + 256 * kOffset); }
};

// Sum of (code - kOffset) * x.
template <int kOffset>
struct ByteSums {
  float units = 0.0f, scaled = 0.0f;

  void add(uint word, float x0, float x1, float x2, float x3) {
    const ByteCodes<kOffset> codes(word);
    units += codes.at[0] * x0;
    scaled += codes.at[1] * x1;
    units += codes.at[2] * x2;
    scaled += codes.at[3] * x3;
  }
  void add(uint word, thread const float* x) { add(word, x[0], x[1], x[2], x[3]); }
  float total() const { return units + scaled * 0x1p-8f; }
};

// Sum of (scale * code + least) * x; every weight is rounded by itself, as the two parts may be far larger.
struct AffineSums {
  float scale, least;
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};

  void add(uint word, thread const float* x) {
    const ByteCodes<0> codes(word);
    for (int i = 0; i < 4; ++i) sums[i] += (codes.at[i] * (i % 2 == 0 ? scale : scale * 0x1p-8f) + least) * x[i];
  }
  float total() const { return (sums[0] + sums[1]) + (sums[2] + sums[3]); }
};

// Bits i .. i+3 of a mask as the fifth bits of four bytes.
inline uint fifth_bits_of_bytes(uint mask, uint i) { return (((mask >> i) & 15u) * 0x00204081u & 0x01010101u) << 4; }

inline float half_at(threadgroup const uchar* at) { return float(*(threadgroup const half*)at); }

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
// Q2_K, Q3_K and Q6_K: 8 elements of each quarter of half a block.
struct QuarteredUnits {
  static uint lane_of(uint k) { return k / 128 * 4 + k % 32 / 8; }
  static uint slot_of(uint k) { return k % 128 / 32 * 8 + k % 8; }
};

// dot(block, unit, x): the sum of the unit's weights times x, in its order, with the block in threadgroup memory.
template <class Block> struct Unit;

template <> struct Unit<BlockQ4_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    const Words<4> q(block + 2);
    ByteSums<8> sums;
    for (int i = 0; i < 4; ++i) {
      sums.add(q.at[i] & 0x0f0f0f0fu, x + 4 * i);
      sums.add((q.at[i] >> 4) & 0x0f0f0f0fu, x + 16 + 4 * i);
    }
    return sums.total() * half_at(block);
  }
};

template <> struct Unit<BlockQ4_1> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    const Words<4> q(block + 4);
    AffineSums sums = {half_at(block), half_at(block + 2)};
    for (int i = 0; i < 4; ++i) {
      sums.add(q.at[i] & 0x0f0f0f0fu, x + 4 * i);
      sums.add((q.at[i] >> 4) & 0x0f0f0f0fu, x + 16 + 4 * i);
    }
    return sums.total();
  }
};

template <> struct Unit<BlockQ5_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    const Words<5> q(block + 2);
    ByteSums<16> sums;
    for (int i = 0; i < 4; ++i) {
      sums.add((q.at[i + 1] & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 4 * i), x + 4 * i);
      sums.add(((q.at[i + 1] >> 4) & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 16 + 4 * i), x + 16 + 4 * i);
    }
    return sums.total() * half_at(block);
  }
};

template <> struct Unit<BlockQ5_1> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    const Words<6> q(block);
    AffineSums sums = {half_at(block), half_at(block + 2)};
    for (int i = 0; i < 4; ++i) {
      sums.add((q.at[i + 2] & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[1], 4 * i), x + 4 * i);
      sums.add(((q.at[i + 2] >> 4) & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[1], 16 + 4 * i), x + 16 + 4 * i);
    }
    return sums.total();
  }
};

template <> struct Unit<BlockQ8_0> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    const Words<8> q(block + 2);
    ByteSums<128> sums;
    for (int i = 0; i < 8; ++i) sums.add(q.at[i] ^ 0x80808080u, x + 4 * i);
    return sums.total() * half_at(block);
  }
};

// Sums for codes that are nibbles in two halves of 16 bytes and name entries of a table.
template <class Table>
ByteSums<128> table_sums(threadgroup const uchar* codes, thread const float* x) {
  const Words<4> q(codes);
  ByteSums<128> sums;
  for (int i = 0; i < 4; ++i) {
    for (int half_word = 0; half_word < 2; ++half_word) {
      thread const float* four = x + 4 * i + 2 * half_word;
      sums.add(Table::values(q.at[i] >> (16 * half_word)), four[0], four[16], four[1], four[17]);
    }
  }
  return sums;
}

template <> struct Unit<BlockIQ4_NL> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    return table_sums<TableIQ4_NL>(block + 2, x).total() * half_at(block);
  }
};

template <> struct Unit<BlockMXFP4> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint, thread const float* x) {
    return table_sums<TableE2M1>(block + 1, x).total() * scale_of_mxfp4(block[0]);
  }
};

template <> struct Unit<BlockIQ4_XS> : PlainUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const uint high = *(threadgroup const ushort*)(block + 2), low = block[4 + unit / 2];
    const uint scale = (low >> (unit % 2 * 4) & 15u) | (high >> (2 * unit) & 3u) << 4;
    return table_sums<TableIQ4_NL>(block + 8 + 16 * unit, x).total() * (half_at(block) * (float(scale) - 32.0f));
  }
};

// Sub-block 2p + j of Q4_K and Q5_K.
inline AffineSums sub_block_sums(threadgroup const uchar* block, uint p, uint j) {
  threadgroup const uchar* s = block + 4 + p % 2 * 2 + j;
  const uint low = s[0], middle = s[4], high = s[8];
  const uint scale = p < 2 ? low & 63 : (high & 15) | (low >> 6) << 4;
  const uint least = p < 2 ? middle & 63 : high >> 4 | (middle >> 6) << 4;
  return {half_at(block) * float(scale), -half_at(block + 2) * float(least)};
}

template <> struct Unit<BlockQ4_K> : PairedUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const Words<4> q(block + 16 + 16 * unit);
    AffineSums even = sub_block_sums(block, unit / 2, 0), odd = sub_block_sums(block, unit / 2, 1);
    for (int i = 0; i < 4; ++i) {
      even.add(q.at[i] & 0x0f0f0f0fu, x + 4 * i);
      odd.add((q.at[i] >> 4) & 0x0f0f0f0fu, x + 16 + 4 * i);
    }
    return even.total() + odd.total();
  }
};

template <> struct Unit<BlockQ5_K> : PairedUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const Words<4> q(block + 48 + 16 * unit), h(block + 16 + 16 * (unit % 2));
    const uint bit = unit / 2 * 2;
    AffineSums even = sub_block_sums(block, unit / 2, 0), odd = sub_block_sums(block, unit / 2, 1);
    for (int i = 0; i < 4; ++i) {
      const uint fifth = h.at[i] >> bit;
      even.add((q.at[i] & 0x0f0f0f0fu) | (fifth & 0x01010101u) << 4, x + 4 * i);
      odd.add(((q.at[i] >> 4) & 0x0f0f0f0fu) | (fifth & 0x02020202u) << 3, x + 16 + 4 * i);
    }
    return even.total() + odd.total();
  }
};

template <> struct Unit<BlockQ6_K> : QuarteredUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const uint u = unit / 4, q = unit % 4;
    const Words<2> first(block + 64 * u + 8 * q), second(block + 64 * u + 32 + 8 * q), high(block + 128 + 32 * u + 8 * q);
    threadgroup const char* scales = (threadgroup const char*)block + 192 + 8 * u + q / 2;
    float total = 0.0f;
    for (int r = 0; r < 4; ++r) {
      ByteSums<32> sums;
      for (int i = 0; i < 2; ++i) {
        const uint low = ((r % 2 == 0 ? first.at[i] : second.at[i]) >> (r / 2 * 4)) & 0x0f0f0f0fu;
        sums.add(low | ((high.at[i] >> (2 * r)) & 0x03030303u) << 4, x + 8 * r + 4 * i);
      }
      total += sums.total() * float(scales[2 * r]);
    }
    return total * half_at(block + 208);
  }
};

template <> struct Unit<BlockQ2_K> : QuarteredUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const uint u = unit / 4, q = unit % 4;
    const Words<2> codes(block + 16 + 32 * u + 8 * q);
    threadgroup const uchar* scales = block + 8 * u + q / 2;
    const float d = half_at(block + 80), dmin = half_at(block + 82);
    float total = 0.0f;
    for (int r = 0; r < 4; ++r) {
      AffineSums sums = {d * float(scales[2 * r] & 15), -dmin * float(scales[2 * r] >> 4)};
      for (int i = 0; i < 2; ++i) sums.add((codes.at[i] >> (2 * r)) & 0x03030303u, x + 8 * r + 4 * i);
      total += sums.total();
    }
    return total;
  }
};

template <> struct Unit<BlockQ3_K> : QuarteredUnits {
  static float dot(threadgroup const uchar* block, uint unit, thread const float* x) {
    const uint u = unit / 4, q = unit % 4;
    const Words<2> codes(block + 32 + 32 * u + 8 * q), third(block + 8 * q);
    threadgroup const uchar* scales = block + 96;
    float total = 0.0f;
    for (uint r = 0; r < 4; ++r) {
      ByteSums<4> sums;
      for (uint i = 0; i < 2; ++i) {
        const uint high = (third.at[i] >> (4 * u + r)) & 0x01010101u;
        sums.add(((codes.at[i] >> (2 * r)) & 0x03030303u) | high << 2, x + 8 * r + 4 * i);
      }
      const uint t = 2 * r + q / 2;
      const uint scale = (scales[t] >> (4 * u) & 15u) | (scales[8 + t % 4] >> (4 * u + t / 4 * 2) & 3u) << 4;
      total += sums.total() * (float(scale) - 32.0f);
    }
    return total * half_at(block + 108);
  }
};

}  // namespace anymetal
