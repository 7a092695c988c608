// Codes of weights as fragments of the 16 x 16 factor of mma.m16n8k16, on NVIDIA GPUs. A code n < 1024 in the low bits of an f16
// is the subnormal 2^-24 n; one instruction makes it the normal number 2^-9 n (matrix units align products by their factors'
// exponents and would drop a subnormal one's last digits). Codes that lie higher in their bits are larger by a power of two; the
// elements of x that they meet are smaller by it.
#pragma once
#include "common/blocks.h"
#include "common/nvidia.h"

namespace anymetal {

// A place in threadgroup memory: bytes from a multiple of 16 on.
struct Place16 {
  threadgroup const uchar* base;
  uint offset;
  Place16 operator+(uint bytes) const { return {base, offset + bytes}; }
  uint byte(uint i) const { return base[offset + i]; }
  uint pair(uint i) const { return *(threadgroup const ushort*)(base + offset + i); }  // at an even place
  float half_at(uint i) const { return float(*(threadgroup const half*)(base + offset + i)); }
};

// Words from any place.
template <int N>
struct Words {
  uint at[N];
  explicit Words(Place16 from) {
    threadgroup const uint* whole = (threadgroup const uint*)(from.base + (from.offset & ~3u));
    const uint shift = (from.offset & 3) * 8;
    uint low = whole[0];
    for (int i = 0; i < N; ++i) {
      const uint high = whole[i + 1];
      at[i] = nvidia::funnel_shift(low, high, shift);
      low = high;
    }
  }
};
inline uint word_at(Place16 from) { return Words<1>(from).at[0]; }

inline uint low_nibbles(uint word) { return word & 0x0f0f0f0fu; }
inline uint high_nibbles(uint word) { return (word >> 4) & 0x0f0f0f0fu; }

// Bytes of N words that are numbers of one kind.
template <int N>
struct ByteList {
  uint word[N];
  // Times 2^-24: a byte in the low bits of an f16.
  float value(uint i) const {
    const uint pair = (i % 2 == 0 ? word[i / 4] : word[i / 4] >> 8) & 0x00ff00ffu;
    return float(metal::as_type<metal::half2>(pair)[i % 4 / 2]);
  }
  // Twice as f16, less `offset`: a byte in the mantissa of 2^10 is that much more.
  uint halves(uint i, half offset) const {
    const uint raised = nvidia::permute_bytes(word[i / 4], 0x64646464u, 0x4040u + 0x0101u * (i % 4));
    return nvidia::multiply_add_halves(raised, both(1.0h), both(-1024.0h - offset));
  }
  static uint both(half x) { return metal::as_type<ushort>(x) * 0x10001u; }
};

// What lane 4 g + t holds of 16 elements of row g, as two pairs.
struct HalfRow {
  uint pair[2];
};
// The same of a unit of 32 elements.
struct UnitRow {
  HalfRow first, second;
};

// Codes in the four bytes of a word under a mask for one byte: elements 0 and 2, 1 and 3.
template <uint kMask>
HalfRow alternate(uint word) {
  return {{word & (kMask * 0x10001u), (word >> 8) & (kMask * 0x10001u)}};
}
// Codes less n, all of them `places` times as large as in the low bits, as normal numbers.
inline HalfRow less(HalfRow codes, uint n, uint places) {
  const uint power = ByteList<1>::both(0x1p15h), offset = ByteList<1>::both(half(float(n * places) * -0x1p-9f));
  return {{nvidia::multiply_add_halves(codes.pair[0], power, offset), nvidia::multiply_add_halves(codes.pair[1], power, offset)}};
}
// Elements 0 and 1, 2 and 3 from bytes that are codes.
inline HalfRow in_order(uint bytes) { return {{nvidia::permute_bytes(bytes, 0, 0x4140u), nvidia::permute_bytes(bytes, 0, 0x4342u)}}; }

// sums += 16 elements of rows g and g + 8 times those of x. Sums are those of the PTX ISA: [0] and [1] of row g, [2] and [3] of
// row g + 8, columns 2 t and 2 t + 1.
inline void multiply(thread float (&sums)[4], HalfRow upper, HalfRow lower, uint x0, uint x1) {
  const uint a[4] = {upper.pair[0], lower.pair[0], upper.pair[1], lower.pair[1]};
  nvidia::multiply_accumulate(half(), sums, a, x0, x1);
}
inline void multiply(thread float (&sums)[4], UnitRow upper, UnitRow lower, metal::uint4 x) {
  multiply(sums, upper.first, lower.first, x[0], x[1]);
  multiply(sums, upper.second, lower.second, x[2], x[3]);
}

// A lane's two rows, where it has columns 0 and 1: the products with both parts of x as one.
inline metal::float2 joined(thread const float (&products)[4]) {
  return metal::float2(products[0] + products[1] * (1.0f / 2048.0f), products[2] + products[3] * (1.0f / 2048.0f));
}

// The sums of a group of 256 elements: of products with x, which the group's x has a factor for, and what is added as it is.
struct GroupSums {
  metal::float2 products = 0.0f, rest = 0.0f;
};

// What the formats read of x: of each 32 elements a lane's share of their parts, which are shares(unit) apart, and the sums of
// their halves.
struct UnitInputs {
  threadgroup const metal::uint4* shares;
  threadgroup const metal::float2* sums;  // only where the format needs them
  float factor;                           // of the group
  UnitInputs from(uint unit) const { return {shares + 8 * unit, sums + unit, factor}; }
  metal::uint4 share(uint unit) const { return shares[8 * unit]; }
  // Of half a unit alone.
  metal::uint2 share(uint unit, uint part) const { return ((threadgroup const metal::uint2*)(shares + 8 * unit))[part]; }
  float sum(uint unit) const { return sums[unit].x + sums[unit].y; }
  float sum(uint unit, uint part) const { return sums[unit][part]; }
};

}  // namespace anymetal
