// Block formats of 256 elements as factors of mma.m16n8k32. Sums over a block are whole numbers, exact: of products
// times the scales of their sub-blocks, and where a format has least values of those times the sums of x. Sub-blocks of
// 16 are told apart by columns: limbs of the first half of 32 elements are columns 0 to 3, those of the second half
// columns 4 to 7.
#pragma once
#include "nvidia/byte_units.h"

namespace anymetal {

template <uint kAlignment, bool kSubBlocksOf16, bool kAlternating = false, InputSums kSums = InputSums::None>
struct SuperBlockForm : InputForm<kAlternating, kSums> {
  static constexpr uint kAlign = kAlignment;
  static constexpr bool kHalves = kSubBlocksOf16, kWideScale = false;
  static constexpr float kUnit = 1.0f;
};

// A lane's sums over a block: of rows g and g + 8, two limbs each.
struct BlockSums {
  int at[4] = {};
  template <class Sign, class Codes>
  void add(Codes upper, Codes lower, metal::uint2 x, int upper_scale, int lower_scale) {
    int products[4] = {};
    multiply_codes<Sign>(products, upper, lower, x);
    for (uint i = 0; i < 4; ++i) at[i] += products[i] * (i < 2 ? upper_scale : lower_scale);
  }
  // Of least values, bytes, and the sums of x.
  void add_least(uint upper, uint lower, uint sums) {
    const uint a[4] = {upper, lower, 0, 0};
    nvidia::multiply_accumulate_bytes(uchar(), at, a, sums, 0);
  }
  float upper() const { return 256.0f * float(at[0]) + float(at[1]); }
  float lower() const { return 256.0f * float(at[2]) + float(at[3]); }
};

// Adds a block's products where lanes t and t + 2 have the halves of units. An infinity among x is in one of them only: both
// have it, or 0 times it would be in the other.
inline void add_halves(thread RowSums& sums, float factor, float upper, float lower) {
  if (!metal::isfinite(factor)) {
    upper += metal::simd_shuffle_xor(upper, 2);
    lower += metal::simd_shuffle_xor(lower, 2);
  }
  sums.add(factor, upper, lower);
}

// x of a unit, its halves apart.
struct HalvesApart {
  uint first_mask;
  explicit HalvesApart(uint lane) : first_mask(lane < 16 ? ~0u : 0u) {}
  metal::uint2 of(metal::uint2 x) const { return metal::uint2(x[0] & first_mask, x[1] & ~first_mask); }
};

// Scales and least values of the eight sub-blocks of Q4_K and Q5_K, as bytes.
struct SuperScales {
  uint scales[2], leasts[2];
  explicit SuperScales(Place16 block) {
    const uint w[3] = {block.word<4>(4), block.word<4>(8), block.word<4>(12)};
    scales[0] = w[0] & 0x3f3f3f3fu;
    leasts[0] = w[1] & 0x3f3f3f3fu;
    scales[1] = (w[2] & 0x0f0f0f0fu) | ((w[0] >> 2) & 0x30303030u);
    leasts[1] = ((w[2] >> 4) & 0x0f0f0f0fu) | ((w[1] >> 2) & 0x30303030u);
  }
  int scale(uint s) const { return int(byte_of_word(scales[s / 4], s % 4)); }
  // Lane t's of four sub-blocks.
  uint least(uint t) const { return t == 0 ? leasts[0] : t == 1 ? leasts[1] : 0; }
};

// d * scale * code - dmin * least, sub-blocks of 32.
template <class Block>
struct SuperUnit : SuperBlockForm<4, false, false, InputSums::OfUnitsAsLimbs> {
  static void add(thread RowSums& sums, Place16 upper, Place16 lower, threadgroup const InputLimbs& x, uint lane) {
    const uint t = lane % 4;
    const SuperScales u(upper), l(lower);
    const typename ByteUnit<Block>::Codes upper_codes(upper, t), lower_codes(lower, t);
    BlockSums codes[2], least;
#pragma unroll
    for (uint s = 0; s < 8; ++s)
      codes[s % 2].template add<uchar>(upper_codes.unit(s), lower_codes.unit(s), x.unit(s, lane), u.scale(s),
                                       l.scale(s));
    least.add_least(u.least(t), l.least(t), x.sums[lane % 16]);
    BlockSums all;
    for (uint i = 0; i < 4; ++i) all.at[i] = codes[0].at[i] * ByteUnit<Block>::kOddFactor + codes[1].at[i];
    constexpr float kUnit = 1.0f / ByteUnit<Block>::kOddFactor;
    sums.add(x.factor, upper.half_at(0) * kUnit * all.upper() - upper.half_at(2) * least.upper(),
             lower.half_at(0) * kUnit * all.lower() - lower.half_at(2) * least.lower());
  }
};

template <>
struct ByteUnit<BlockQ4_K> : SuperUnit<BlockQ4_K> {
  static constexpr int kOddFactor = 16;  // codes of odd sub-blocks are so many times as large
  struct Codes {
    Place16 at;
    Codes(Place16 block, uint t) : at(block + 4 * t) {}
    metal::uint2 unit(uint s) const {
      const uint mask = s % 2 == 0 ? 0x0f0f0f0fu : 0xf0f0f0f0u;
      return metal::uint2(at.word<4>(16 + s / 2 * 32) & mask, at.word<4>(32 + s / 2 * 32) & mask);
    }
  };
};

template <>
struct ByteUnit<BlockQ5_K> : SuperUnit<BlockQ5_K> {
  static constexpr int kOddFactor = 1;
  struct Codes {
    Place16 at;
    uint fifth[2];
    Codes(Place16 block, uint t) : at(block + 4 * t), fifth{at.word<4>(16), at.word<4>(32)} {}
    metal::uint2 unit(uint s) const {
      metal::uint2 codes;
      for (uint i = 0; i < 2; ++i) {
        const uint nibbles = at.word<4>(48 + s / 2 * 32 + 16 * i) >> (s % 2 * 4),
                   bits = s < 4 ? fifth[i] << (4 - s) : fifth[i] >> (s - 4);
        codes[i] = (nibbles & 0x0f0f0f0fu) | (bits & 0x10101010u);
      }
      return codes;
    }
  };
};

template <>
struct ByteUnit<BlockQ6_K> : SuperBlockForm<2, true> {
  // Codes less 32, times 4.
  struct Codes {
    uint low[2][2], high[2];
    Codes(Place16 at, uint half) {
      for (uint i = 0; i < 2; ++i) {
        for (uint j = 0; j < 2; ++j) low[i][j] = at.word<2>(64 * half + 32 * i + 16 * j);
        high[i] = at.word<2>(128 + 32 * half + 16 * i);
      }
    }
    metal::uint2 quarter(uint r) const {
      metal::uint2 codes;
      for (uint i = 0; i < 2; ++i) {
        const uint nibbles = r < 2 ? low[r][i] << 2 : low[r - 2][i] >> 2;
        codes[i] = (nibbles & 0x3c3c3c3cu) | (~(high[i] << (6 - 2 * r)) & 0x80808080u) |
                   ((high[i] << (6 - 2 * r)) & 0x40404040u);
      }
      return codes;
    }
  };
  static void add(thread RowSums& sums, Place16 upper, Place16 lower, threadgroup const InputLimbs& x, uint lane) {
    const uint t = lane % 4;
    const HalvesApart halves(lane);
    const Place16 upper_scales = upper + t / 2, lower_scales = lower + t / 2;
    BlockSums block;
#pragma unroll
    for (uint half = 0; half < 2; ++half) {
      const Codes u(upper + 4 * t, half), l(lower + 4 * t, half);
      for (uint r = 0; r < 4; ++r) {
        const uint s = 4 * half + r;
        block.add<char>(u.quarter(r), l.quarter(r), halves.of(x.unit(s, lane)), upper_scales.at<char>(192 + 2 * s),
                        lower_scales.at<char>(192 + 2 * s));
      }
    }
    add_halves(sums, x.factor, upper.half_at(208) * 0.25f * block.upper(), lower.half_at(208) * 0.25f * block.lower());
  }
};

template <>
struct ByteUnit<BlockQ2_K> : SuperBlockForm<4, true, false, InputSums::OfHalvesAsLimbs> {
  static void add(thread RowSums& sums, Place16 upper, Place16 lower, threadgroup const InputLimbs& x, uint lane) {
    const uint t = lane % 4;
    const HalvesApart halves(lane);
    const Place16 up = upper + 4 * t, low = lower + 4 * t, upper_scales = upper + t / 2, lower_scales = lower + t / 2;
    BlockSums block, least;
#pragma unroll
    for (uint half = 0; half < 2; ++half) {
      const metal::uint2 u(up.word<4>(16 + 32 * half), up.word<4>(32 + 32 * half)),
          l(low.word<4>(16 + 32 * half), low.word<4>(32 + 32 * half));
      for (uint r = 0; r < 4; ++r) {
        // Codes are 4^r times as large, scales 4^(3-r) times.
        const uint s = 4 * half + r, mask = 0x03030303u << (2 * r);
        block.add<uchar>(u & mask, l & mask, halves.of(x.unit(s, lane)),
                         int(upper_scales.at<uchar>(2 * s) & 15) << (6 - 2 * r),
                         int(lower_scales.at<uchar>(2 * s) & 15) << (6 - 2 * r));
      }
    }
    least.add_least((up.word<4>(0) >> 4) & 0x0f0f0f0fu, (low.word<4>(0) >> 4) & 0x0f0f0f0fu, x.sums[lane % 16]);
    // The least values of all sub-blocks are in columns 0 to 3, and again in columns 4 to 7.
    const float upper_least = t < 2 ? upper.half_at(82) : 0.0f, lower_least = t < 2 ? lower.half_at(82) : 0.0f;
    add_halves(sums, x.factor, upper.half_at(80) * 0x1p-6f * block.upper() - upper_least * least.upper(),
               lower.half_at(80) * 0x1p-6f * block.lower() - lower_least * least.lower());
  }
};

template <>
struct ByteUnit<BlockQ3_K> : SuperBlockForm<2, true> {
  // Of a lane with sub-blocks 2u or 2u + 1: scales less 32, times 4.
  struct Scales {
    uint word[4];
    Scales(Place16 block, uint odd) {
      const uint w[3] = {block.word<2>(96), block.word<2>(100), block.word<2>(104)};
      word[0] = (w[0] & 0x0f0f0f0fu) | ((w[2] << 4) & 0x30303030u);
      word[1] = (w[1] & 0x0f0f0f0fu) | ((w[2] << 2) & 0x30303030u);
      word[2] = ((w[0] >> 4) & 0x0f0f0f0fu) | (w[2] & 0x30303030u);
      word[3] = ((w[1] >> 4) & 0x0f0f0f0fu) | ((w[2] >> 2) & 0x30303030u);
      for (uint i = 0; i < 4; ++i) word[i] = ((word[i] << 2) ^ 0x80808080u) >> (8 * odd);
    }
    int of(uint u) const { return signed_byte_of_word(word[u / 2], u % 2 * 2); }
  };
  // Codes less 4, times 32.
  struct Codes {
    uint low[2][2], third[2];
    Codes(Place16 at) {
      for (uint i = 0; i < 2; ++i) {
        third[i] = at.word<2>(16 * i);
        for (uint half = 0; half < 2; ++half) low[half][i] = at.word<2>(32 + 32 * half + 16 * i);
      }
    }
    metal::uint2 unit(uint s) const {
      const uint half = s / 4, r = s % 4;
      metal::uint2 codes;
      for (uint i = 0; i < 2; ++i) {
        const uint pairs = r < 3 ? low[half][i] << (5 - 2 * r) : low[half][i] >> 1;
        codes[i] = (pairs & 0x60606060u) | (~(third[i] << (7 - s)) & 0x80808080u);
      }
      return codes;
    }
  };
  static void add(thread RowSums& sums, Place16 upper, Place16 lower, threadgroup const InputLimbs& x, uint lane) {
    const uint t = lane % 4;
    const HalvesApart halves(lane);
    const Scales upper_scales(upper, t / 2), lower_scales(lower, t / 2);
    const Codes u(upper + 4 * t), l(lower + 4 * t);
    BlockSums block;
#pragma unroll
    for (uint s = 0; s < 8; ++s)
      block.add<char>(u.unit(s), l.unit(s), halves.of(x.unit(s, lane)), upper_scales.of(s), lower_scales.of(s));
    add_halves(sums, x.factor, upper.half_at(108) * 0x1p-7f * block.upper(), lower.half_at(108) * 0x1p-7f * block.lower());
  }
};

template <>
struct ByteUnit<BlockIQ4_XS> : SuperBlockForm<4, false, true> {
  // Less 32, times 4.
  struct Scales {
    uint even, odd;
    explicit Scales(Place16 block) {
      const uint low = block.word<4>(4), pairs = block.at<ushort>(2);
      const uint bytes = (pairs & 0xffu) | (pairs & 0xff00u) << 8, high = (bytes | bytes << 4) & 0x0f0f0f0fu;
      even = (((low & 0x0f0f0f0fu) << 2) | ((high & 0x03030303u) << 6)) ^ 0x80808080u;
      odd = (((low & 0xf0f0f0f0u) >> 2) | ((high & 0x0c0c0c0cu) << 4)) ^ 0x80808080u;
    }
    int of(uint s) const { return signed_byte_of_word(s % 2 == 0 ? even : odd, s / 2); }
  };
  static void add(thread RowSums& sums, Place16 upper, Place16 lower, threadgroup const InputLimbs& x, uint lane) {
    const Scales upper_scales(upper), lower_scales(lower);
    const Place16 up = upper + 4 * (lane % 4), low = lower + 4 * (lane % 4);
    BlockSums block;
#pragma unroll
    for (uint s = 0; s < 8; ++s) {
      block.add<char>(SplitIQ4_NL::all(up.word<4>(8 + 16 * s)), SplitIQ4_NL::all(low.word<4>(8 + 16 * s)),
                      x.unit(s, lane), upper_scales.of(s), lower_scales.of(s));
    }
    sums.add(x.factor, upper.half_at(0) * 0.25f * block.upper(), lower.half_at(0) * 0.25f * block.lower());
  }
};

}  // namespace anymetal
