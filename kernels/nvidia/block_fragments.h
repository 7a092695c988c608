// Eight elements of a block as halves, right where mma.m16n8k16 takes them from: decoded from the block's bytes in
// threadgroup memory by the lane that multiplies with them.
#pragma once
#include "common/blocks.h"
#include "nvidia/code_tables.h"
#include "nvidia/staged_bytes.h"

namespace anymetal {

// Lane t of the four that share a row has elements 4t .. 4t+3 and 16+4t .. 16+4t+3 of 32, two to a word. So the slots
// of an input row's 16 elements in a tile are those of elements 0 1 4 5 8 9 12 13 and then 2 3 6 7 10 11 14 15.
struct Fragment {
  uint words[4];
};

// Elements as 1024 plus a byte, exact halves.
inline Fragment raised(uint first, uint second) {
  constexpr uint kRaise = 0x64646464u;
  return {{nvidia::permute_bytes(first, kRaise, 0x4140u), nvidia::permute_bytes(first, kRaise, 0x4342u),
           nvidia::permute_bytes(second, kRaise, 0x4140u), nvidia::permute_bytes(second, kRaise, 0x4342u)}};
}
// The same of a word's eight nibbles, bytes of a table.
template <class Table>
Fragment raised_entries(uint nibbles) {
  constexpr uint kRaise = 0x64646464u;
  const uint low = Table::values(nibbles), high = Table::values(nibbles >> 16);
  return {{nvidia::permute_bytes(low, kRaise, 0x4240u), nvidia::permute_bytes(high, kRaise, 0x4240u),
           nvidia::permute_bytes(low, kRaise, 0x4341u), nvidia::permute_bytes(high, kRaise, 0x4341u)}};
}
// Less 1024 and kCentre.
template <uint kCentre>
Fragment lowered(Fragment f) {
  constexpr uint kOne = 0x3c003c00u, kLess = (0xe400u + kCentre) * 0x10001u;
  for (uint i = 0; i < 4; ++i) f.words[i] = nvidia::multiply_add_halves(f.words[i], kOne, kLess);
  return f;
}
// What a format's 32 elements are times and plus, the s-th 32 of a block of 256, as words that one lane finds for
// others: load(block, s); decode(block, s, t) gives lane t's elements.
template <class Block>
struct BlockFragment;

// Halves: a factor and what is added, or 0.
struct HalfFactors {
  static constexpr uint kWords = 1, kAlign = 2;
  uint words[kWords];
  uint factor() const { return nvidia::permute_bytes(words[0], 0, 0x1010u); }
  uint least() const { return nvidia::permute_bytes(words[0], 0, 0x3232u); }
  // Times the factor plus the rest, rounded once.
  Fragment of(Fragment f) const {
    for (uint i = 0; i < 4; ++i) f.words[i] = nvidia::multiply_add_halves(f.words[i], factor(), least());
    return f;
  }
};
struct OnlyFactor : HalfFactors {
  void load(Place16 block, uint) { words[0] = block.at<ushort>(0); }
};
struct FactorAndLeast : HalfFactors {
  void load(Place16 block, uint) { words[0] = block.word<2>(0); }
};

// Blocks of 32 elements: nibbles at byte kAt, a fifth bit at byte kFifth.
template <uint kAt>
uint nibble_word(Place16 block, uint t) {
  return (block + 4 * t).word<2>(kAt);
}
template <uint kAt>
Fragment raised_nibbles(Place16 block, uint t) {
  const uint w = nibble_word<kAt>(block, t);
  return raised(w & 0x0f0f0f0fu, (w >> 4) & 0x0f0f0f0fu);
}
template <uint kFifth, uint kAt>
Fragment raised_five_bits(Place16 block, uint t) {
  const uint w = nibble_word<kAt>(block, t), bits = block.word<2>(kFifth) >> (4 * t);
  // Four bits to the fifth place of a byte each.
  const uint first = ((bits & 15u) * 0x02040810u) & 0x10101010u,
             second = ((bits >> 16 & 15u) * 0x02040810u) & 0x10101010u;
  return raised((w & 0x0f0f0f0fu) | first, ((w >> 4) & 0x0f0f0f0fu) | second);
}

template <>
struct BlockFragment<BlockQ4_0> : OnlyFactor {
  Fragment decode(Place16 block, uint, uint t) const { return of(lowered<8>(raised_nibbles<2>(block, t))); }
};
template <>
struct BlockFragment<BlockQ4_1> : FactorAndLeast {
  Fragment decode(Place16 block, uint, uint t) const { return of(lowered<0>(raised_nibbles<4>(block, t))); }
};
template <>
struct BlockFragment<BlockQ5_0> : OnlyFactor {
  Fragment decode(Place16 block, uint, uint t) const { return of(lowered<16>(raised_five_bits<2, 6>(block, t))); }
};
template <>
struct BlockFragment<BlockQ5_1> : FactorAndLeast {
  Fragment decode(Place16 block, uint, uint t) const { return of(lowered<0>(raised_five_bits<4, 8>(block, t))); }
};
template <>
struct BlockFragment<BlockQ8_0> : OnlyFactor {
  Fragment decode(Place16 block, uint, uint t) const {
    const Place16 at = block + 4 * t;
    return of(lowered<128>(raised(at.word<2>(2) ^ 0x80808080u, at.word<2>(18) ^ 0x80808080u)));
  }
};
template <>
struct BlockFragment<BlockIQ4_NL> : OnlyFactor {
  Fragment decode(Place16 block, uint, uint t) const {
    return of(lowered<128>(raised_entries<TableIQ4_NL>(nibble_word<2>(block, t))));
  }
};
// By two powers of two, of which the first keeps the elements whole; those of less than half the least half by 0.
template <>
struct BlockFragment<BlockMXFP4> : HalfFactors {
  void load(Place16 block, uint) {
    const int power = int(block.at<uchar>(0)) - 128, first = metal::clamp(power, -14, 15),
              second = metal::clamp(power - first, -15, 15);
    words[0] = uint(first + 15) << 10 | uint(second + 15) << 26;
  }
  Fragment decode(Place16 block, uint, uint t) const {
    Fragment f = lowered<128>(raised_entries<TableE2M1>(Words<1>(block + (4 * t + 1)).at[0]));
    for (uint i = 0; i < 4; ++i) {
      f.words[i] = nvidia::multiply_add_halves(nvidia::multiply_add_halves(f.words[i], factor(), 0), least(), 0);
    }
    return f;
  }
};

// Floats, of which decoded codes are rounded to halves.
template <uint kCount>
struct FloatFactors {
  static constexpr uint kWords = kCount;
  uint words[kWords];
  void put(uint i, float value) { words[i] = metal::as_type<uint>(value); }
  float at(uint i) const { return metal::as_type<float>(words[i]); }
};
// Byte i of a word, below 128, times a factor, exactly where that has at most 17 digits.
inline float code_times(uint codes, uint i, float factor) {
  const float raised =
      metal::as_type<float>(nvidia::permute_bytes(codes, 0x4300u, 0x5044u + (i << 8)));  // 128 plus the code
  return metal::fma(raised, factor, -128.0f * factor);
}
inline uint halves(float x, float y) { return metal::as_type<uint>(metal::half2(half(x), half(y))); }
// Codes less kCentre times a factor for each sixteen.
template <uint kCentre>
Fragment centred(uint first, uint second, float first_factor, float second_factor) {
  Fragment f;
  for (uint i = 0; i < 4; ++i) {
    const uint codes = i < 2 ? first : second, at = i % 2 * 2;
    const float factor = i < 2 ? first_factor : second_factor, offset = -(128.0f + kCentre) * factor;
    float w[2];
    for (uint j = 0; j < 2; ++j) {
      w[j] = metal::fma(metal::as_type<float>(nvidia::permute_bytes(codes, 0x4300u, 0x5044u + ((at + j) << 8))), factor,
                        offset);
    }
    f.words[i] = halves(w[0], w[1]);
  }
  return f;
}
// Codes times a factor plus a number, for each sixteen.
inline Fragment affine(uint first, uint second, float first_factor, float second_factor, float first_least,
                       float second_least) {
  Fragment f;
  for (uint i = 0; i < 4; ++i) {
    const uint codes = i < 2 ? first : second, at = i % 2 * 2;
    const float factor = i < 2 ? first_factor : second_factor, least = i < 2 ? first_least : second_least;
    f.words[i] = halves(code_times(codes, at, factor) + least, code_times(codes, at + 1, factor) + least);
  }
  return f;
}

// Q4_K and Q5_K, nibbles from byte kAt on.
template <uint kAt>
struct SuperFragment : FloatFactors<2> {
  static constexpr uint kAlign = 4;
  void load(Place16 block, uint s) {
    const Place16 at = block + s % 4;
    const uint low = at.at<uchar>(4), middle = at.at<uchar>(8), high = at.at<uchar>(12);
    const uint scale = s < 4 ? low & 63u : (high & 15u) | (low >> 6) << 4;
    const uint least = s < 4 ? middle & 63u : high >> 4 | (middle >> 6) << 4;
    put(0, block.half_at(0) * float(scale));
    put(1, -block.half_at(2) * float(least));
  }
  static uint nibbles(Place16 block, uint s, uint t, uint half_at) {
    return ((block + (s / 2 * 32 + 4 * t)).word<kAlign>(kAt + half_at) >> (s % 2 * 4)) & 0x0f0f0f0fu;
  }
};
template <>
struct BlockFragment<BlockQ4_K> : SuperFragment<16> {
  Fragment decode(Place16 block, uint s, uint t) const {
    return affine(nibbles(block, s, t, 0), nibbles(block, s, t, 16), at(0), at(0), at(1), at(1));
  }
};
template <>
struct BlockFragment<BlockQ5_K> : SuperFragment<48> {
  Fragment decode(Place16 block, uint s, uint t) const {
    uint codes[2];
    for (uint i = 0; i < 2; ++i) {
      codes[i] = nibbles(block, s, t, 16 * i) | (((block + 4 * t).word<kAlign>(16 + 16 * i) >> s) & 0x01010101u) << 4;
    }
    return affine(codes[0], codes[1], at(0), at(0), at(1), at(1));
  }
};
template <>
struct BlockFragment<BlockQ6_K> : FloatFactors<2> {
  static constexpr uint kAlign = 2;
  void load(Place16 block, uint s) {
    const Place16 scales = block + 2 * s;
    for (uint i = 0; i < 2; ++i) put(i, block.half_at(208) * float(scales.at<char>(192 + i)));
  }
  Fragment decode(Place16 block, uint s, uint t) const {
    const uint r = s % 4;
    const Place16 low = block + (s / 4 * 64 + r % 2 * 32 + 4 * t), high = block + (s / 4 * 32 + 4 * t);
    uint codes[2];
    for (uint i = 0; i < 2; ++i) {
      codes[i] = ((low.word<2>(16 * i) >> (r / 2 * 4)) & 0x0f0f0f0fu) |
                 ((high.word<2>(128 + 16 * i) >> (2 * r)) & 0x03030303u) << 4;
    }
    return centred<32>(codes[0], codes[1], at(0), at(1));
  }
};
template <>
struct BlockFragment<BlockQ2_K> : FloatFactors<4> {
  static constexpr uint kAlign = 4;
  void load(Place16 block, uint s) {
    const Place16 scales = block + 2 * s;
    for (uint i = 0; i < 2; ++i) {
      const uint scale = scales.at<uchar>(i);
      put(i, block.half_at(80) * float(scale & 15u));
      put(2 + i, -block.half_at(82) * float(scale >> 4));
    }
  }
  Fragment decode(Place16 block, uint s, uint t) const {
    const Place16 codes = block + (s / 4 * 32 + 4 * t);
    return affine((codes.word<kAlign>(16) >> (s % 4 * 2)) & 0x03030303u,
                  (codes.word<kAlign>(32) >> (s % 4 * 2)) & 0x03030303u, at(0), at(1), at(2), at(3));
  }
};
template <>
struct BlockFragment<BlockQ3_K> : FloatFactors<2> {
  static constexpr uint kAlign = 2;
  void load(Place16 block, uint s) {
    const Place16 low = block + s % 4 * 2, high = block + s % 2 * 2;
    for (uint i = 0; i < 2; ++i) {
      const uint scale =
          (uint(low.at<uchar>(96 + i)) >> (s / 4 * 4) & 15u) | (uint(high.at<uchar>(104 + i)) >> (s / 2 * 2) & 3u) << 4;
      put(i, block.half_at(108) * (float(scale) - 32.0f));
    }
  }
  Fragment decode(Place16 block, uint s, uint t) const {
    const Place16 pairs = block + (s / 4 * 32 + 4 * t), third = block + 4 * t;
    uint codes[2];
    for (uint i = 0; i < 2; ++i) {
      codes[i] = ((pairs.word<2>(32 + 16 * i) >> (s % 4 * 2)) & 0x03030303u) |
                 ((third.word<2>(16 * i) >> s) & 0x01010101u) << 2;
    }
    return centred<4>(codes[0], codes[1], at(0), at(1));
  }
};
template <>
struct BlockFragment<BlockIQ4_XS> : FloatFactors<1> {
  static constexpr uint kAlign = 4;
  void load(Place16 block, uint s) {
    const uint code =
        (uint(block.at<ushort>(2)) >> (2 * s) & 3u) << 4 | (uint((block + s / 2).at<uchar>(4)) >> (s % 2 * 4) & 15u);
    put(0, block.half_at(0) * (float(code) - 32.0f));
  }
  Fragment decode(Place16 block, uint s, uint t) const {
    Fragment f = lowered<128>(raised_entries<TableIQ4_NL>((block + (16 * s + 4 * t)).word<kAlign>(8)));
    for (uint i = 0; i < 4; ++i) {
      const metal::float2 w = metal::float2(metal::as_type<metal::half2>(f.words[i])) * at(0);
      f.words[i] = halves(w.x, w.y);
    }
    return f;
  }
};

}  // namespace anymetal
