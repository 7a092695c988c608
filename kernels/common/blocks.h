// Block-quantised weight formats of GGUF files and one decoder for each.
//
// decode<N>(block, i) gives elements i .. i+N-1 of a block, N = 4 or 8, i a multiple of N, in f32 without intermediate
// rounding. Blocks are packed without gaps; fields are at most 2-byte aligned. Layouts: ggml / llama.cpp.
#pragma once
#include "common/lanes.h"

namespace anymetal {

// 32 elements: d * (n - 8), low nibbles first half, high nibbles second half.
struct BlockQ4_0 { half d; uchar qs[16]; };
// d * (n - 16), n = nibble + 16 * bit i of qh.
struct BlockQ5_0 { half d; uchar qh[4]; uchar qs[16]; };
// d * n + m, n as in Q5_0.
struct BlockQ5_1 { half d; half m; uchar qh[4]; uchar qs[16]; };
// d * q.
struct BlockQ8_0 { half d; char qs[32]; };
// d * table[nibble].
struct BlockIQ4_NL { half d; uchar qs[16]; };
// 256 elements in 8 sub-blocks s: d * scale_s * n - dmin * min_s, 6-bit scales and minima.
struct BlockQ4_K { half d; half dmin; uchar scales[12]; uchar qs[128]; };
// As Q4_K with a fifth bit: n = nibble + 16 * bit s of qh[l].
struct BlockQ5_K { half d; half dmin; uchar scales[12]; uchar qh[32]; uchar qs[128]; };
// 256 elements in 16 sub-blocks t: d * scale_t * (n - 32), n = 4 low bits from ql, 2 high bits from qh.
struct BlockQ6_K { uchar ql[128]; uchar qh[64]; char scales[16]; half d; };

template <class Block> struct BlockTraits { enum : uint { kElements = 32 }; };
template <> struct BlockTraits<BlockQ4_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ5_K> { enum : uint { kElements = 256 }; };
template <> struct BlockTraits<BlockQ6_K> { enum : uint { kElements = 256 }; };

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

template <int N>
typename Lanes<N>::F decode(device const BlockIQ4_NL& b, uint i) {
  const typename Lanes<N>::U n = half_split_nibbles<N>(b.qs, i);
  typename Lanes<N>::F w;
  for (int j = 0; j < N; ++j) w[j] = kIQ4_NL[n[j]];
  return w * float(b.d);
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

}  // namespace anymetal
