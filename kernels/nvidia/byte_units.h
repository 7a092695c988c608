// Block formats of 32 elements as factors of mma.m16n8k32: codes about their centre are signed bytes, most of them
// moved up to a byte's highest bits, so that flipping the top bit takes the centre off.
#pragma once
#include "common/blocks.h"
#include "nvidia/code_tables.h"
#include "nvidia/input_limbs.h"
#include "nvidia/staged_bytes.h"

namespace anymetal {

// codes(block, t, phase): lane t's words of a block `phase` past a multiple of 4, elements 4t .. 4t+3 of each half;
// scale(block): what they are times; least(block): what is added to every weight. kAlign: of what the places of rows
// are multiples.
template <class Block>
struct ByteUnit;

template <bool kAlternating = false, InputSums kSums = InputSums::None>
struct ByteUnitForm : InputForm<kAlternating, kSums> {
  static constexpr uint kAlign = 4;
  static constexpr bool kHalves = false;
  static constexpr bool kWideScale = false;  // scales of any exponent: products are in units of the result before
  static constexpr float kUnit = 1.0f;       // what a code of 1 is worth
  static float least(Place16) { return 0.0f; }
  // Lane t's word of 16 bytes from byte i of a block on.
  static uint word(Place16 block, uint t, uint i, uint phase) { return (block + 4 * t).word_past(i, (phase + i) % 4); }
};

// Nibbles less 8, times 16.
inline metal::uint2 nibbles_less_8(uint word) {
  return metal::uint2(nvidia::masked_and_flipped<0xf0f0f0f0u>(word << 4, 0x80808080u),
                      nvidia::masked_and_flipped<0xf0f0f0f0u>(word, 0x80808080u));
}
// Nibbles with a fifth bit, less 16, times 8; lane t's fifth bits of each half are at 4t of `bits`.
inline metal::uint2 nibbles_less_16(uint word, metal::uint2 bits, uint t) {
  metal::uint2 fifth;
  for (uint i = 0; i < 2; ++i) fifth[i] = ~(((bits[i] >> (4 * t)) & 15u) * 0x10204080u) & 0x80808080u;
  return metal::uint2(((word << 3) & 0x78787878u) | fifth[0], ((word >> 1) & 0x78787878u) | fifth[1]);
}

template <>
struct ByteUnit<BlockQ4_0> : ByteUnitForm<> {
  static constexpr float kUnit = 0x1p-4f;
  static metal::uint2 codes(Place16 block, uint t, uint phase) { return nibbles_less_8(word(block, t, 2, phase)); }
  static float scale(Place16 block) { return block.half_at(0); }
};

template <>
struct ByteUnit<BlockQ4_1> : ByteUnitForm<false, InputSums::OfUnits> {
  static constexpr float kUnit = 0x1p-4f;
  static metal::uint2 codes(Place16 block, uint t, uint phase) { return nibbles_less_8(word(block, t, 4, phase)); }
  static float scale(Place16 block) { return block.half_at(0); }
  static float least(Place16 block) { return block.half_at(2) + 8.0f * block.half_at(0); }
};

template <>
struct ByteUnit<BlockQ5_0> : ByteUnitForm<> {
  static constexpr float kUnit = 0x1p-3f;
  static metal::uint2 codes(Place16 block, uint t, uint phase) {
    return nibbles_less_16(word(block, t, 6, phase), metal::uint2(block.at<ushort>(2), block.at<ushort>(4)), t);
  }
  static float scale(Place16 block) { return block.half_at(0); }
};

template <>
struct ByteUnit<BlockQ5_1> : ByteUnitForm<false, InputSums::OfUnits> {
  static constexpr float kUnit = 0x1p-3f;
  static metal::uint2 codes(Place16 block, uint t, uint phase) {
    return nibbles_less_16(word(block, t, 8, phase), metal::uint2(block.at<ushort>(4), block.at<ushort>(6)), t);
  }
  static float scale(Place16 block) { return block.half_at(0); }
  static float least(Place16 block) { return block.half_at(2) + 16.0f * block.half_at(0); }
};

template <>
struct ByteUnit<BlockQ8_0> : ByteUnitForm<> {
  static metal::uint2 codes(Place16 block, uint t, uint phase) {
    return metal::uint2(word(block, t, 2, phase), word(block, t, 18, phase));
  }
  static float scale(Place16 block) { return block.half_at(0); }
};

template <>
struct ByteUnit<BlockIQ4_NL> : ByteUnitForm<true> {
  static SplitCodes codes(Place16 block, uint t, uint phase) { return SplitIQ4_NL::all(word(block, t, 2, phase)); }
  static float scale(Place16 block) { return block.half_at(0); }
};

template <>
struct ByteUnit<BlockMXFP4> : ByteUnitForm<true> {
  static constexpr bool kWideScale = true;
  static SplitCodes codes(Place16 block, uint t, uint phase) { return SplitE2M1::all(word(block, t, 1, phase)); }
  static float scale(Place16 block) {
    const int e = block.at<uchar>(0);  // 2^(e - 128); the first two are subnormal
    return metal::as_type<float>(metal::max(e * 0x00800000 - 0x00800000, e * 0x00200000 + 0x00200000));
  }
};

// A lane's sums: of rows g and g + 8, limbs 2 (t % 2) and the next, where those of even t count 2^16 times, for wide
// scales already.
struct RowSums {
  float upper = 0.0f, lower = 0.0f;
  // In this order: a small factor times a small scale would not be a normal number.
  void add(float factor, float more_upper, float more_lower) {
    upper = metal::fma(factor, more_upper, upper);
    lower = metal::fma(factor, more_lower, lower);
  }
};

// Adds the products of codes of rows g and g + 8 with x.
template <class Sign>
void multiply_codes(thread int (&products)[4], metal::uint2 upper, metal::uint2 lower, metal::uint2 x) {
  const uint a[4] = {upper[0], lower[0], upper[1], lower[1]};
  nvidia::multiply_accumulate_bytes(Sign(), products, a, x[0], x[1]);
}
template <class Sign>
void multiply_codes(thread int (&products)[4], SplitCodes upper, SplitCodes lower, metal::uint2 x) {
  multiply_codes<Sign>(products, upper.low, lower.low, x);
  multiply_codes<Sign>(products, upper.high, lower.high, x);
}

// The whole sum of a row with lane t = 0. Lanes t and t + 2 have the same limbs, shares of one sum or twice the same.
// Where the first two limbs do not give a finite number, the others have no say.
template <class Format>
float total(float sum) {
  if (Format::kHalves) sum += metal::simd_shuffle_xor(sum, 2);
  const float rest = metal::simd_shuffle_xor(sum, 1);
  return metal::isfinite(sum) ? sum * (Format::kWideScale ? 1.0f : 65536.0f) + rest : sum;
}

// Sixteen rows: where the blocks of rows g and g + 8 are, and their sums.
struct RowTile {
  Place16 upper, lower;
  RowSums sums;
};

// Adds the first `units` blocks times 256 elements of x. All eight of them are unrolled with what else there is to do,
// `other`.
template <class Block, class Other>
void add_units(thread RowTile& tile, threadgroup const InputLimbs& x, uint units, uint lane, Other other) {
  typedef ByteUnit<Block> Format;
  const uint t = lane % 4;
  const float factor = x.factor * Format::kUnit, unit = metal::isfinite(factor) ? factor : 1.0f;
  const float wide = t % 2 == 0 ? unit * 65536.0f : metal::isfinite(factor) ? unit : 0.0f;
  RowSums group;
  const auto add = [&](uint u) {
    const uint at = u * uint(sizeof(Block));
    const Place16 up = tile.upper + at, low = tile.lower + at;
    int limbs[4] = {};
    multiply_codes<char>(limbs, Format::codes(up, t, at % 4), Format::codes(low, t, at % 4), x.unit(u, lane));
    metal::float2 products(limbs[0] * 256 + limbs[1], limbs[2] * 256 + limbs[3]);
    if (Format::kWideScale) products *= wide;
    const float sum = Format::kSums == InputSums::OfUnits ? x.unit_sums[2 * u + t % 2] : 0.0f;
    group.upper += Format::scale(up) * products[0] + Format::least(up) * sum;
    group.lower += Format::scale(low) * products[1] + Format::least(low) * sum;
  };
  if (units == 8) {
#pragma unroll
    for (uint u = 0; u < 8; ++u) add(u);
    other();
  } else {
    other();
#pragma nounroll
    for (uint u = 0; u < units; ++u) add(u);
  }
  const float rest = Format::kWideScale && metal::isfinite(factor) ? 1.0f : factor;
  tile.sums.add(rest, group.upper, group.lower);
}

}  // namespace anymetal
