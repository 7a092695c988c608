// Block formats of 256 elements as fragments. A lane has bytes 4 t .. 4 t + 3 of every 16; sub-blocks of 16 are one product of
// 16 x 16, those of 32 two.
#pragma once
#include "nvidia/code_tables.h"
#include "nvidia/fragments.h"

namespace anymetal {

// How a format's elements lie in a lane's pairs. A lane has bytes 4 t .. 4 t + 3 and 16 + 4 t .. 16 + 4 t + 3 of 32 elements.
struct AlternatingPairs {  // 0 and 2, 1 and 3, of each half
  static constexpr bool kAcross = false;
  // By how many bits the codes of half a unit lie higher.
  static uint shift(uint, uint) { return 0; }
};
struct PairsAcross : AlternatingPairs {  // element i of the first half and of the second
  static constexpr bool kAcross = true;
};
// add(sums, upper, lower, t, x): the block at `upper` (row g) and the one at `lower` (row g + 8) times x.
template <class Block> struct BlockFragments;

// Q5_K is left out: where its least values nearly cancel 31 times the scale, the sums of matrix units are not exact enough.
template <class Block>
constexpr bool on_matrix_units() {
  return BlockTraits<Block>::kElements == 256 && !metal::is_same_v<Block, BlockQ5_K>;
}

inline uint shifted_left(uint word, int bits) { return bits >= 0 ? word << bits : word >> -bits; }

// Codes in two pieces: bits of `word` under `low`, and bits of `rest` moved left by `bits` under `high`, both for one byte.
inline HalfRow alternate(uint word, uint low, uint rest, int bits, uint high) {
  return {{(word & (low * 0x10001u)) | (shifted_left(rest, bits) & (high * 0x10001u)),
           ((word >> 8) & (low * 0x10001u)) | (shifted_left(rest, bits - 8) & (high * 0x10001u))}};
}

// The f16 at byte `at` of both blocks, times `by`.
inline metal::float2 factors(Place16 upper, Place16 lower, uint at, float by) {
  return metal::float2(upper.half_at(at), lower.half_at(at)) * by;
}

// Sums over the sub-blocks of a block of scale * code * x, of scale * x and of least * x, where codes are less a centre.
struct ScaledSums {
  metal::float2 codes = 0.0f, scales = 0.0f, least = 0.0f;
  void add(metal::float2 products, float sum_of_x, metal::float2 scale, metal::float2 least_value) {
    codes += scale * products;
    scales += scale * sum_of_x;
    least += least_value * sum_of_x;
  }
  metal::float2 total(float factor, int centre, metal::float2 d, metal::float2 d_least) const {
    return d * (factor * codes + centre * scales) - d_least * least;
  }
};

// Scales and least values of the eight sub-blocks of Q4_K.
struct SuperScales {
  ByteList<2> scale, least;
  explicit SuperScales(Place16 block) {
    const Words<3> w(block + 4);
    scale.word[0] = w.at[0] & 0x3f3f3f3fu;
    least.word[0] = w.at[1] & 0x3f3f3f3fu;
    scale.word[1] = low_nibbles(w.at[2]) | ((w.at[0] >> 2) & 0x30303030u);
    least.word[1] = high_nibbles(w.at[2]) | ((w.at[1] >> 2) & 0x30303030u);
  }
};

// Q4_K: Row gives the elements of a sub-block, codes less kCentre.
template <class Row, int kCentre>
void add_super_block(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) {
  const SuperScales u(upper), l(lower);
  const Row upper_row(upper, t), lower_row(lower, t);
  ScaledSums block;
  for (uint s = 0; s < 8; ++s) {
    float products[4] = {};
    multiply(products, upper_row.unit(s), lower_row.unit(s), x.share(s));
    block.add(joined(products), x.sum(s), {u.scale.value(s), l.scale.value(s)}, {u.least.value(s), l.least.value(s)});
  }
  sums.rest += block.total(x.factor, kCentre, factors(upper, lower, 0, 0x1p24f), factors(upper, lower, 2, 0x1p24f));
}
struct SuperPairs : AlternatingPairs {
  static constexpr bool kNeedsSums = true;
  static uint shift(uint unit, uint) { return 4 * (unit % 2); }
};

template <> struct BlockFragments<BlockQ4_K> : SuperPairs {
  struct Row {
    Place16 codes;
    Row(Place16 block, uint t) : codes(block + 16 + 4 * t) {}
    UnitRow unit(uint s) const { return {half_row(s, 0), half_row(s, 1)}; }
    HalfRow half_row(uint s, uint part) const {
      const uint word = word_at(codes + 32 * (s / 2) + 16 * part);
      return s % 2 == 0 ? less(alternate<0x0fu>(word), 8, 1) : less(alternate<0xf0u>(word), 8, 16);
    }
  };
  static void add(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) { add_super_block<Row, 8>(sums, upper, lower, t, x); }
};

template <> struct BlockFragments<BlockQ6_K> : AlternatingPairs {
  static constexpr bool kNeedsSums = false;
  static uint shift(uint unit, uint) { return unit % 4 / 2 * 4; }

  static void add(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) {
    const Scales u(upper), l(lower);
    metal::float2 block = 0.0f;
    for (uint half = 0; half < 2; ++half) {
      for (uint part = 0; part < 2; ++part) {
        const Row upper_row(upper, half, 16 * part + 4 * t), lower_row(lower, half, 16 * part + 4 * t);
        for (uint r = 0; r < 4; ++r) {
          const metal::uint2 share = x.share(4 * half + r, part);
          float products[4] = {};
          multiply(products, upper_row.quarter(r), lower_row.quarter(r), share[0], share[1]);
          const uint i = 8 * half + 2 * r + part;
          block += metal::float2(u.value(i), l.value(i)) * joined(products);
        }
      }
    }
    sums.products += factors(upper, lower, 208, 0x1p24f) * block;
  }
  struct Scales {
    ByteList<4> raised;  // by 128
    explicit Scales(Place16 block) {
      const Words<4> w(block + 192);
      for (uint i = 0; i < 4; ++i) raised.word[i] = w.at[i] ^ 0x80808080u;
    }
    float value(uint i) const { return raised.value(i) - 0x1p-17f; }
  };
  struct Row {
    uint first, second, high;
    Row(Place16 block, uint half, uint at)
        : first(word_at(block + 64 * half + at)), second(word_at(block + 64 * half + 32 + at)), high(word_at(block + 128 + 32 * half + at)) {}
    HalfRow quarter(uint r) const {
      return less(alternate(r % 2 == 0 ? first : second, r < 2 ? 0x0fu : 0xf0u, high, r % 2 == 0 ? 4 : 2, r < 2 ? 0x30u : 0x300u), 32, r < 2 ? 1 : 16);
    }
  };
};

struct QuarterPairs : AlternatingPairs {
  static uint shift(uint unit, uint) { return 2 * (unit % 4); }
};

template <> struct BlockFragments<BlockQ2_K> : QuarterPairs {
  static constexpr bool kNeedsSums = true;
  struct Row {
    Place16 codes;
    ByteList<4> scale, least;
    Row(Place16 block, uint t) : codes(block + 16 + 4 * t) {
      const Words<4> w(block);
      for (uint i = 0; i < 4; ++i) {
        scale.word[i] = low_nibbles(w.at[i]);
        least.word[i] = high_nibbles(w.at[i]);
      }
    }
    HalfRow quarter(uint half, uint part, uint r) const {
      return less(alternate(word_at(codes + 32 * half + 16 * part), 3u << (2 * r), 0, 0, 0), 2, 1u << (2 * r));
    }
  };
  static void add(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) {
    const Row u(upper, t), l(lower, t);
    ScaledSums block;
    for (uint half = 0; half < 2; ++half) {
      for (uint part = 0; part < 2; ++part) {
        for (uint r = 0; r < 4; ++r) {
          const metal::uint2 share = x.share(4 * half + r, part);
          const uint s = 8 * half + 2 * r + part;
          float products[4] = {};
          multiply(products, u.quarter(half, part, r), l.quarter(half, part, r), share[0], share[1]);
          block.add(joined(products), x.sum(4 * half + r, part), {u.scale.value(s), l.scale.value(s)}, {u.least.value(s), l.least.value(s)});
        }
      }
    }
    sums.rest += block.total(x.factor, 2, factors(upper, lower, 80, 0x1p24f), factors(upper, lower, 82, 0x1p24f));
  }
};

template <> struct BlockFragments<BlockQ3_K> : QuarterPairs {
  static constexpr bool kNeedsSums = false;
  struct Row {
    Place16 codes;
    ByteList<4> scale;  // plus 32
    uint third[2];
    Row(Place16 block, uint t) : codes(block + 32 + 4 * t), third{word_at(block + 4 * t), word_at(block + 16 + 4 * t)} {
      const Words<3> w(block + 96);
      scale.word[0] = low_nibbles(w.at[0]) | ((w.at[2] << 4) & 0x30303030u);
      scale.word[1] = low_nibbles(w.at[1]) | ((w.at[2] << 2) & 0x30303030u);
      scale.word[2] = high_nibbles(w.at[0]) | (w.at[2] & 0x30303030u);
      scale.word[3] = high_nibbles(w.at[1]) | ((w.at[2] >> 2) & 0x30303030u);
    }
    // Codes less 4, times the scale less 32: an f16 still.
    HalfRow quarter(uint half, uint part, uint r) const {
      const uint word = word_at(codes + 32 * half + 16 * part);
      const HalfRow code = alternate(word, 3u << (2 * r), third[part], int(r + 2) - int(4 * half), 4u << (2 * r));
      const HalfRow centred = less(code, 4, 1u << (2 * r));
      const uint scales = scale.halves(8 * half + 2 * r + part, 32.0h), zero = ByteList<1>::both(-0.0h);
      return {{nvidia::multiply_add_halves(centred.pair[0], scales, zero), nvidia::multiply_add_halves(centred.pair[1], scales, zero)}};
    }
  };
  static void add(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) {
    const Row u(upper, t), l(lower, t);
    metal::float2 block = 0.0f;
    for (uint half = 0; half < 2; ++half) {
      for (uint part = 0; part < 2; ++part) {
        float products[4] = {};
        for (uint r = 0; r < 4; ++r) {
          const metal::uint2 share = x.share(4 * half + r, part);
          multiply(products, u.quarter(half, part, r), l.quarter(half, part, r), share[0], share[1]);
        }
        block += joined(products);
      }
    }
    sums.products += factors(upper, lower, 108, 1.0f) * block;
  }
};

// Entries of a table that nibbles in two halves name, less n.
template <class Table>
UnitRow table_row(uint codes, uint n) {
  return {less(in_order(Table::values(codes)), n, 1), less(in_order(Table::values(codes >> 16)), n, 1)};
}

template <> struct BlockFragments<BlockIQ4_XS> : PairsAcross {
  static constexpr bool kNeedsSums = false;
  static void add(thread GroupSums& sums, Place16 upper, Place16 lower, uint t, UnitInputs x) {
    const Row u(upper), l(lower);
    metal::float2 block = 0.0f;
#pragma unroll
    for (uint s = 0; s < 8; ++s) {
      float products[4] = {};
      multiply(products, u.unit(s, t), l.unit(s, t), x.share(s));
      block += metal::float2(u.scale(s), l.scale(s)) * joined(products);
    }
    sums.products += factors(upper, lower, 0, 1.0f) * block;
  }
  struct Row {
    Place16 block;
    uint high, low;
    explicit Row(Place16 place) : block(place), high(place.pair(2)), low(word_at(place + 4)) {}
    UnitRow unit(uint s, uint t) const { return table_row<TableIQ4_NL>(word_at(block + 8 + 16 * s + 4 * t), 128); }
    float scale(uint s) const {
      const uint code = ((low >> (4 * s)) & 15u) | ((high >> (2 * s)) & 3u) << 4;
      return metal::as_type<float>(code | 0x4b000000u) - 8388640.0f;
    }
  };
};

}  // namespace anymetal
