// TurboQuant (arXiv 2504.19874): heads of keys and values are rotated by signs and a Walsh-Hadamard transform, scaled by a
// norm for each block of 256 elements, and coded element by element with the codebook of a normal variable.
#pragma once
#include <metal_stdlib>

#include "common/turboquant_tables.h"

namespace anymetal {

constant uint kTurboBlock = 256;  // elements that share a norm

// -1 where the rotation changes the sign of element j, else 1.
inline float turbo_sign(uint j) { return kTurboSigns[j >> 3] >> (j & 7) & 1 ? -1.0f : 1.0f; }

// x = H x / sqrt(32 N) in natural order, over a simdgroup whose lane holds elements lane * N and on. Its own inverse.
template <int N>
void hadamard(thread float* x, uint lane) {
  for (int distance = 1; distance < N; distance *= 2) {
    for (int i = 0; i < N; ++i) {
      if (i & distance) continue;
      const float low = x[i], high = x[i + distance];
      x[i] = low + high;
      x[i + distance] = low - high;
    }
  }
  for (uint distance = 1; distance < 32; distance *= 2) {
    for (int i = 0; i < N; ++i) {
      const float other = metal::simd_shuffle_xor(x[i], ushort(distance));
      x[i] = lane & distance ? other - x[i] : x[i] + other;
    }
  }
  constexpr float kScale = N == 8 ? 0.0625f : 0.044194173824159216f;
  static_assert(N == 8 || N == 16, "heads of 256 or 512 elements");
  for (int i = 0; i < N; ++i) x[i] *= kScale;
}

// Reads a lane's elements of one head and rotates them as the encoder does: x = H (signs * x) / sqrt(32 N).
template <int N>
void turbo_rotate(thread float* x, device const float* head, uint lane) {
  for (int i = 0; i < N; ++i) x[i] = head[lane * N + i] * turbo_sign(lane * N + i);
  hadamard<N>(x, lane);
}

// Width of the codes in a cache with a byte for each code: 5 or 6 bits, and 8 for any other number.
inline uint turbo_byte_bits(uint bits) { return bits == 5 || bits == 6 ? bits : 8; }

// Value of a code; bits above the width are ignored.
inline float turbo_centroid(uint code, uint bits) {
  const uint half_count = 1u << (bits - 1);
  const bool upper = code & half_count;
  const uint i = (upper ? code : ~code) & (half_count - 1);
  constant float* centroids = bits == 4   ? kTurboCentroids4
                              : bits == 5 ? kTurboCentroids5
                              : bits == 6 ? kTurboCentroids6
                                          : kTurboCentroids8;
  return upper ? centroids[i] : -centroids[i];
}

// Number of boundaries below v: ties take the lower code, NaN takes 0.
inline uint turbo_code(float v, uint bits) {
  constant float* boundaries = bits == 4   ? kTurboBoundaries4
                               : bits == 5 ? kTurboBoundaries5
                               : bits == 6 ? kTurboBoundaries6
                                           : kTurboBoundaries8;
  const int middle = (1 << (bits - 1)) - 1;
  uint code = 0;
  for (uint step = 1u << (bits - 1); step > 0; step /= 2) {
    const int from_middle = int(code + step - 1) - middle;
    const float boundary = from_middle < 0 ? -boundaries[-from_middle] : boundaries[from_middle];
    if (v > boundary) code += step;
  }
  return code;
}

// What a block's stored norm multiplies its centroids by: a head of one block keeps the length of the rotated vector, a
// longer head the root mean square of each block, which `scale` divides.
inline float turbo_gain(float norm, uint dim, float scale) {
  return dim <= kTurboBlock ? norm * metal::precise::rsqrt(float(dim)) : norm / scale;
}

}  // namespace anymetal
