// Block-quantised weight formats of GGUF files and one decoder for each.
//
// decode<N>(block, i) gives elements i .. i+N-1 of a block, N = 4 or 8, i a multiple of N, in f32 without intermediate
// rounding. Blocks are packed without gaps; fields are at most 2-byte aligned. Layouts: ggml / llama.cpp.
#pragma once
#include "common/lanes.h"

namespace anymetal {

// 32 elements: d * (n - 8), low nibbles first half, high nibbles second half.
struct BlockQ4_0 { half d; uchar qs[16]; };
// d * n + m.
struct BlockQ4_1 { half d; half m; uchar qs[16]; };
// d * (n - 16), n = nibble + 16 * bit i of qh.
struct BlockQ5_0 { half d; uchar qh[4]; uchar qs[16]; };
// d * n + m, n as in Q5_0.
struct BlockQ5_1 { half d; half m; uchar qh[4]; uchar qs[16]; };
// d * q.
struct BlockQ8_0 { half d; char qs[32]; };
// d * table[nibble].
struct BlockIQ4_NL { half d; uchar qs[16]; };
// 2^(e - 128) * table[nibble].
struct BlockMXFP4 { uchar e; uchar qs[16]; };
// 256 elements in 16 sub-blocks t: d * scale_t * q - dmin * min_t, q of 2 bits, scale and minimum 4 bits each.
struct BlockQ2_K { uchar scales[16]; uchar qs[64]; half d; half dmin; };
// 256 elements in 16 sub-blocks t: d * (scale_t - 32) * (q - 4), q = 2 bits from qs and one from hmask, 6-bit scales.
struct BlockQ3_K { uchar hmask[32]; uchar qs[64]; uchar scales[12]; half d; };
// 256 elements in 8 sub-blocks s: d * scale_s * n - dmin * min_s, 6-bit scales and minima.
struct BlockQ4_K { half d; half dmin; uchar scales[12]; uchar qs[128]; };
// As Q4_K with a fifth bit: n = nibble + 16 * bit s of qh[l].
struct BlockQ5_K { half d; half dmin; uchar scales[12]; uchar qh[32]; uchar qs[128]; };
// 256 elements in 16 sub-blocks t: d * scale_t * (n - 32), n = 4 low bits from ql, 2 high bits from qh.
struct BlockQ6_K { uchar ql[128]; uchar qh[64]; char scales[16]; half d; };
// 256 elements in 8 sub-blocks s: d * (scale_s - 32) * table[nibble], 6-bit scales.
struct BlockIQ4_XS { half d; ushort scales_h; uchar scales_l[4]; uchar qs[128]; };

template <class Block> struct BlockTraits { enum : uint { kElements = 32 }; };
template <> struct BlockTraits<BlockQ2_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ3_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ4_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ5_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ6_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockIQ4_XS> { enum : uint { kElements = 256 }; };

// Nibbles i .. i+N-1 of a half-split block of 32.
template <int N>
typename Lanes<N>::U half_split_nibbles(device const uchar* qs, uint i) {
  return (Lanes<N>::bytes(qs + i % 16) >> (i < 16 ? 0u : 4u)) & 15u;
}

// Bits i .. i+N-1 of a little-endian 32-bit mask, moved to the place of the value 16.
template <int N>
typename Lanes<N>::U fifth_bits(device const uchar* qh, uint i) {
  const uint mask = uint(qh[0]) | uint(qh[1]) << 8 | uint(qh[2]) << 16 | uint(qh[3]) << 24;
  return ((typename Lanes<N>::U(mask) >> Lanes<N>::counting_from(i)) & 1u) << 4u;
}

// Scale and minimum of sub-block s of Q4_K and Q5_K.
inline metal::float2 scale_and_min(device const uchar* scales, uint s) {
  const uint sc = s < 4 ? scales[s] & 63 : (scales[s + 4] & 15) | ((scales[s - 4] >> 6) << 4);
  const uint mn = s < 4 ? scales[s + 4] & 63 : (scales[s + 4] >> 4) | ((scales[s] >> 6) << 4);
  return metal::float2(float(sc), float(mn));
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ4_0& b, uint i) {
  return (Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i)) - 8.0f) * float(b.d);
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ4_1& b, uint i) {
  return Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i)) * float(b.d) + float(b.m);
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ5_0& b, uint i) {
  return (Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i) | fifth_bits<N>(b.qh, i)) - 16.0f) * float(b.d);
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ5_1& b, uint i) {
  return Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i) | fifth_bits<N>(b.qh, i)) * float(b.d) + float(b.m);
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ8_0& b, uint i) {
  return Lanes<N>::signed_bytes(b.qs + i) * float(b.d);
}

constant float kIQ4_NL[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// The table's entry for each lane.
template <int N>
typename Lanes<N>::F look_up(constant float* table, typename Lanes<N>::U n) {
  typename Lanes<N>::F w;
  for (int j = 0; j < N; ++j) w[j] = table[n[j]];
  return w;
}

template <int N>
typename Lanes<N>::F decode(device const BlockIQ4_NL& b, uint i) {
  return look_up<N>(kIQ4_NL, half_split_nibbles<N>(b.qs, i)) * float(b.d);
}

constant float kTwiceE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

template <int N>
typename Lanes<N>::F decode(device const BlockMXFP4& b, uint i) {
  const uint e = b.e;  // 2^-128 and 2^-127 are subnormal
  const float scale = metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  return look_up<N>(kTwiceE2M1, half_split_nibbles<N>(b.qs, i)) * scale;
}

// Bits 2r and 2r + 1 of the bytes of quarter r = (i % 128) / 32 of half i / 128: codes i .. i+N-1 of Q2_K and Q3_K.
template <int N>
typename Lanes<N>::U bit_pairs(device const uchar* qs, uint i) {
  return (Lanes<N>::bytes(qs + i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2)) & 3u;
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ2_K& b, uint i) {
  const uint scales = b.scales[i / 16];
  const float scale = float(b.d) * float(scales & 15), minimum = float(b.dmin) * float(scales >> 4);
  return Lanes<N>::to_float(bit_pairs<N>(b.qs, i)) * scale - minimum;
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ3_K& b, uint i) {
  const uint t = i / 16;
  const typename Lanes<N>::U high = (Lanes<N>::bytes(b.hmask + i % 32) >> (i / 32)) & 1u;
  const uint low4 = t < 8 ? b.scales[t] & 15 : b.scales[t - 8] >> 4, high2 = b.scales[8 + t % 4] >> (t / 4 * 2) & 3;
  const float scale = float(b.d) * (float(low4 | high2 << 4) - 32.0f);
  return (Lanes<N>::to_float(bit_pairs<N>(b.qs, i) | (high << 2u)) - 4.0f) * scale;
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ4_K& b, uint i) {
  const uint s = i / 32;
  const typename Lanes<N>::U n = (Lanes<N>::bytes(b.qs + 32 * (s / 2) + i % 32) >> (4 * (s & 1))) & 15u;
  const metal::float2 sm = scale_and_min(b.scales, s);
  return Lanes<N>::to_float(n) * (float(b.d) * sm.x) - float(b.dmin) * sm.y;
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ5_K& b, uint i) {
  const uint s = i / 32;
  const typename Lanes<N>::U n = (Lanes<N>::bytes(b.qs + 32 * (s / 2) + i % 32) >> (4 * (s & 1))) & 15u;
  const typename Lanes<N>::U h = (Lanes<N>::bytes(b.qh + i % 32) >> s) & 1u;
  const metal::float2 sm = scale_and_min(b.scales, s);
  return Lanes<N>::to_float(n | (h << 4u)) * (float(b.d) * sm.x) - float(b.dmin) * sm.y;
}

template <int N>
typename Lanes<N>::F decode(device const BlockQ6_K& b, uint i) {
  const uint u = i / 128, r = (i % 128) / 32, l = i % 32;
  const typename Lanes<N>::U lo = (Lanes<N>::bytes(b.ql + 64 * u + 32 * (r & 1) + l) >> (4 * (r >> 1))) & 15u;
  const typename Lanes<N>::U hi = (Lanes<N>::bytes(b.qh + 32 * u + l) >> (2 * r)) & 3u;
  const float scale = float(b.d) * float(b.scales[8 * u + 2 * r + l / 16]);
  return (Lanes<N>::to_float(lo | (hi << 4u)) - 32.0f) * scale;
}

template <int N>
typename Lanes<N>::F decode(device const BlockIQ4_XS& b, uint i) {
  const uint s = i / 32;
  const uint scale = (b.scales_l[s / 2] >> (s % 2 * 4) & 15u) | (uint(b.scales_h) >> (2 * s) & 3u) << 4;
  return look_up<N>(kIQ4_NL, half_split_nibbles<N>(b.qs + 16 * s, i % 32)) * (float(b.d) * (float(scale) - 32.0f));
}

}  // namespace anymetal

// instantiate("name", Block) for every format.
#define FOR_EACH_BLOCK_FORMAT(instantiate)                                                             \
  instantiate("q4_0", BlockQ4_0) instantiate("q4_1", BlockQ4_1) instantiate("q5_0", BlockQ5_0)         \
  instantiate("q5_1", BlockQ5_1) instantiate("q8_0", BlockQ8_0) instantiate("iq4_nl", BlockIQ4_NL)     \
  instantiate("mxfp4", BlockMXFP4) instantiate("q2_K", BlockQ2_K) instantiate("q3_K", BlockQ3_K)       \
  instantiate("q4_K", BlockQ4_K) instantiate("q5_K", BlockQ5_K) instantiate("q6_K", BlockQ6_K)         \
  instantiate("iq4_xs", BlockIQ4_XS)
