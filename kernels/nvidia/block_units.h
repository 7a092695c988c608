// Block formats of 32 elements for NVIDIA threads: a block's codes lie in a few words, which become floats without
// conversion instructions (a byte b in the mantissa of 2^23 is 2^23 + b).
#pragma once
#include "common/blocks.h"
#include "common/nvidia.h"
#include "nvidia/code_tables.h"
#include "nvidia/staged_bytes.h"

namespace anymetal {

// Bits of a word as a number, as far as they lie in the mantissa of 2^23; less `offset`.
template <uint kMask>
float bits_less(uint word, float offset) {
  return metal::as_type<float>(nvidia::masked_onto<kMask>(word, 0x4b000000u)) - (8388608.0f + offset);
}

// Sum of (code - kOffset) * x for codes that are bytes of words, those in bits 8 to 15 of a half 256 times as large.
template <int kOffset>
struct ByteSums {
  float units = 0.0f, scaled = 0.0f;

  void add(uint word, float x0, float x1, float x2, float x3) {
    const uint high = word >> 16;
    units += bits_less<0xffu>(word, kOffset) * x0;
    scaled += bits_less<0xff00u>(word, 256 * kOffset) * x1;
    units += bits_less<0xffu>(high, kOffset) * x2;
    scaled += bits_less<0xff00u>(high, 256 * kOffset) * x3;
  }
  void add(uint word, thread const float* x) { add(word, x[0], x[1], x[2], x[3]); }
  float total() const { return units + scaled * 0x1p-8f; }
};

// The same for codes that are nibbles, apart for the low ones and the high ones; a sum for each place in the mantissa.
template <int kOffset>
struct NibbleSums {
  float low_sums[4] = {0.0f, 0.0f, 0.0f, 0.0f}, high_sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};

  void add(uint word, thread const float* low_x, thread const float* high_x) {
    const uint rest = word >> 12;
    low_sums[0] += bits_less<0xfu>(word, kOffset) * low_x[0];
    high_sums[0] += bits_less<0xf0u>(word, 16 * kOffset) * high_x[0];
    low_sums[1] += bits_less<0xf00u>(word, 256 * kOffset) * low_x[1];
    high_sums[1] += bits_less<0xf000u>(word, 4096 * kOffset) * high_x[1];
    low_sums[2] += bits_less<0xf0000u>(word, 65536 * kOffset) * low_x[2];
    high_sums[2] += bits_less<0xf00u>(rest, 256 * kOffset) * high_x[2];
    low_sums[3] += bits_less<0xf000u>(rest, 4096 * kOffset) * low_x[3];
    high_sums[3] += bits_less<0xf0000u>(rest, 65536 * kOffset) * high_x[3];
  }
  float low() const { return (low_sums[0] + low_sums[1] * 0x1p-8f) + (low_sums[2] * 0x1p-16f + low_sums[3] * 0x1p-12f); }
  float high() const { return (high_sums[0] * 0x1p-4f + high_sums[1] * 0x1p-12f) + (high_sums[2] * 0x1p-8f + high_sums[3] * 0x1p-16f); }
};

// 32 elements of x in the order in which a unit takes them, and the sum of each eight.
struct UnitInput {
  float x[32];
  float sums[4];
  float sum(uint half_unit) const { return sums[2 * half_unit] + sums[2 * half_unit + 1]; }
  float sum() const { return sum(0) + sum(1); }
};

// Sum of (scale * code + least) * x from that of (code - centre) * x and that of x: codes about their centre keep the digits
// that a positive and a negative part would take from each other.
inline float centred(float sum, float scale, float centre, float least, float sum_of_x) {
  return sum * scale + sum_of_x * (least + centre * scale);
}

// Bits i .. i+3 of a mask as the fifth bits of four bytes.
inline uint fifth_bits_of_bytes(uint mask, uint i) { return (((mask >> i) & 15u) * 0x00204081u & 0x01010101u) << 4; }

// dot(block, in): the sum of the block's weights times x.
template <class Block> struct Unit;

template <> struct Unit<BlockQ4_0> {
  static float dot(Place16 block, thread const UnitInput& in) {
    const Words<4> q(block + 2);
    NibbleSums<8> sums;
    for (int i = 0; i < 4; ++i) sums.add(q.at[i], in.x + 4 * i, in.x + 16 + 4 * i);
    return (sums.low() + sums.high()) * block.half_at(0);
  }
};

// Sum of weight * x, weights d * code + m that are never 0 times an infinity where the formula has none: nibbles from byte kAt
// on with fifth bits.
template <uint kAt>
float plain_dot(Place16 block, thread const UnitInput& in, uint fifth) {
  float sum = 0.0f;
#pragma unroll
  for (uint i = 0; i < 32; ++i) {
    const uint code = (uint(block.at<uchar>(kAt + i % 16)) >> (i / 16 * 4) & 15u) | (fifth >> i & 1u) << 4;
    sum += (block.half_at(0) * float(code) + block.half_at(2)) * in.x[i];
  }
  return sum;
}

template <> struct Unit<BlockQ4_1> {
  static float dot(Place16 block, thread const UnitInput& in) {
    const Words<4> q(block + 4);
    NibbleSums<8> sums;
    for (int i = 0; i < 4; ++i) sums.add(q.at[i], in.x + 4 * i, in.x + 16 + 4 * i);
    const float dot = centred(sums.low() + sums.high(), block.half_at(0), 8, block.half_at(2), in.sum());
    return metal::isfinite(dot) ? dot : plain_dot<4>(block, in, 0);
  }
};

// Sum of (code - 16) * x for nibbles in two halves with a mask of fifth bits before them.
inline float five_bit_sum(Place16 from, thread const UnitInput& in) {
  const Words<5> q(from);
  ByteSums<16> sums;
  for (int i = 0; i < 4; ++i) {
    sums.add((q.at[i + 1] & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 4 * i), in.x + 4 * i);
    sums.add(((q.at[i + 1] >> 4) & 0x0f0f0f0fu) | fifth_bits_of_bytes(q.at[0], 16 + 4 * i), in.x + 16 + 4 * i);
  }
  return sums.total();
}

template <> struct Unit<BlockQ5_0> {
  static float dot(Place16 block, thread const UnitInput& in) { return five_bit_sum(block + 2, in) * block.half_at(0); }
};

template <> struct Unit<BlockQ5_1> {
  static float dot(Place16 block, thread const UnitInput& in) {
    const float dot = centred(five_bit_sum(block + 4, in), block.half_at(0), 16, block.half_at(2), in.sum());
    return metal::isfinite(dot) ? dot : plain_dot<8>(block, in, Words<1>(block + 4).at[0]);
  }
};

template <> struct Unit<BlockQ8_0> {
  static float dot(Place16 block, thread const UnitInput& in) {
    const Words<8> q(block + 2);
    ByteSums<128> sums;
    for (int i = 0; i < 8; ++i) sums.add(q.at[i] ^ 0x80808080u, in.x + 4 * i);
    return sums.total() * block.half_at(0);
  }
};

// Sum of (entry) * x for codes that are nibbles in two halves of 16 bytes and name entries of a table.
template <class Table>
float table_sum(Place16 codes, thread const UnitInput& in) {
  const Words<4> q(codes);
  ByteSums<128> sums;
  for (int i = 0; i < 4; ++i) {
    for (int half_word = 0; half_word < 2; ++half_word) {
      thread const float* x = in.x + 4 * i + 2 * half_word;
      sums.add(Table::values(q.at[i] >> (16 * half_word)), x[0], x[16], x[1], x[17]);
    }
  }
  return sums.total();
}

template <> struct Unit<BlockIQ4_NL> {
  static float dot(Place16 block, thread const UnitInput& in) {
    return table_sum<TableIQ4_NL>(block + 2, in) * block.half_at(0);
  }
};

template <> struct Unit<BlockMXFP4> {
  static float dot(Place16 block, thread const UnitInput& in) {
    return table_sum<TableE2M1>(block + 1, in) * scale_of_mxfp4(block.at<uchar>(0));
  }
};

}  // namespace anymetal
