#pragma once
/// \file
/// Block formats as plain loops decode them: one block to floats.

#include <cstring>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {

using Byte = unsigned char;

inline float half_at(const Byte* b) {
  Half value;
  std::memcpy(&value, b, sizeof value);
  return float(value);
}

/// Nibbles of a half-split run of 32: low ones first.
inline void nibbles(const Byte* qs, int* q) {
  for (int j = 0; j < 16; ++j) q[j] = qs[j] & 15, q[j + 16] = qs[j] >> 4;
}
/// A fifth bit each.
inline void fifth_bits(const Byte* qh, int* q) {
  std::uint32_t mask;
  std::memcpy(&mask, qh, sizeof mask);
  for (int j = 0; j < 32; ++j) q[j] |= static_cast<int>(mask >> j & 1) << 4;
}

inline constexpr float kNonLinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
inline constexpr float kTwiceE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct Q4_0 {
  static constexpr std::size_t kElements = 32, kBytes = 18;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 2, q);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * static_cast<float>(q[i] - 8);
  }
};
struct Q4_1 {
  static constexpr std::size_t kElements = 32, kBytes = 20;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 4, q);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * static_cast<float>(q[i]) + half_at(b + 2);
  }
};
struct Q5_0 {
  static constexpr std::size_t kElements = 32, kBytes = 22;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 6, q);
    fifth_bits(b + 2, q);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * static_cast<float>(q[i] - 16);
  }
};
struct Q5_1 {
  static constexpr std::size_t kElements = 32, kBytes = 24;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 8, q);
    fifth_bits(b + 4, q);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * static_cast<float>(q[i]) + half_at(b + 2);
  }
};
struct Q8_0 {
  static constexpr std::size_t kElements = 32, kBytes = 34;
  static void decode(const Byte* b, float* w) {
    const auto* q = reinterpret_cast<const signed char*>(b + 2);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * static_cast<float>(q[i]);
  }
};
struct IQ4_NL {
  static constexpr std::size_t kElements = 32, kBytes = 18;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 2, q);
    for (int i = 0; i < 32; ++i) w[i] = half_at(b) * kNonLinear[q[i]];
  }
};
struct MXFP4 {
  static constexpr std::size_t kElements = 32, kBytes = 17;
  static void decode(const Byte* b, float* w) {
    int q[32];
    nibbles(b + 1, q);
    const float scale = std::ldexp(1.0f, b[0] - 128);
    for (int i = 0; i < 32; ++i) w[i] = scale * kTwiceE2M1[q[i]];
  }
};

/// Q4_K and Q5_K: scale and minimum of sub-block s.
inline void scale_and_min(const Byte* scales, int s, float& scale, float& minimum) {
  const int sc = s < 4 ? scales[s] & 63 : (scales[s + 4] & 15) | (scales[s - 4] >> 6) << 4;
  const int mn = s < 4 ? scales[s + 4] & 63 : scales[s + 4] >> 4 | (scales[s] >> 6) << 4;
  scale = static_cast<float>(sc);
  minimum = static_cast<float>(mn);
}
template <bool kFifthBit>
struct WithMinima {
  static constexpr std::size_t kElements = 256, kBytes = kFifthBit ? 176 : 144;
  static void decode(const Byte* b, float* w) {
    const float d = half_at(b), dmin = half_at(b + 2);
    const Byte *qh = b + 16, *qs = b + (kFifthBit ? 48 : 16);
    for (int s = 0; s < 8; ++s) {
      float scale, minimum;
      scale_and_min(b + 4, s, scale, minimum);
      for (int l = 0; l < 32; ++l) {
        int q = qs[32 * (s / 2) + l] >> 4 * (s & 1) & 15;
        if (kFifthBit) q |= (qh[l] >> s & 1) << 4;
        w[32 * s + l] = d * scale * static_cast<float>(q) - dmin * minimum;
      }
    }
  }
};
using Q4_K = WithMinima<false>;
using Q5_K = WithMinima<true>;

struct Q6_K {
  static constexpr std::size_t kElements = 256, kBytes = 210;
  static void decode(const Byte* b, float* w) {
    const float d = half_at(b + 208);
    const auto* scales = reinterpret_cast<const signed char*>(b + 192);
    for (int t = 0; t < 16; ++t) {
      const int u = t / 8, r = t % 8 / 2;
      for (int j = 0; j < 16; ++j) {
        const int l = t % 2 * 16 + j;
        const int q = (b[64 * u + 32 * (r & 1) + l] >> 4 * (r >> 1) & 15) | (b[128 + 32 * u + l] >> 2 * r & 3) << 4;
        w[16 * t + j] = d * static_cast<float>(scales[t]) * static_cast<float>(q - 32);
      }
    }
  }
};
struct Q2_K {
  static constexpr std::size_t kElements = 256, kBytes = 84;
  static void decode(const Byte* b, float* w) {
    for (int i = 0; i < 256; ++i) {
      const int q = b[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3, scale = b[i / 16];
      w[i] = half_at(b + 80) * static_cast<float>((scale & 15) * q) - half_at(b + 82) * static_cast<float>(scale >> 4);
    }
  }
};
struct Q3_K {
  static constexpr std::size_t kElements = 256, kBytes = 110;
  static void decode(const Byte* b, float* w) {
    for (int i = 0; i < 256; ++i) {
      const int t = i / 16, q = (b[32 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3) | (b[i % 32] >> i / 32 & 1)
                                                                                              << 2;
      const int scale = (b[96 + t % 8] >> t / 8 * 4 & 15) | (b[104 + t % 4] >> t / 4 * 2 & 3) << 4;
      w[i] = half_at(b + 108) * static_cast<float>((scale - 32) * (q - 4));
    }
  }
};
struct IQ4_XS {
  static constexpr std::size_t kElements = 256, kBytes = 136;
  static void decode(const Byte* b, float* w) {
    const int scales_h = b[2] | b[3] << 8;
    for (int s = 0; s < 8; ++s) {
      const int scale = (b[4 + s / 2] >> s % 2 * 4 & 15) | (scales_h >> 2 * s & 3) << 4;
      int q[32];
      nibbles(b + 8 + 16 * s, q);
      for (int i = 0; i < 32; ++i) w[32 * s + i] = half_at(b) * static_cast<float>(scale - 32) * kNonLinear[q[i]];
    }
  }
};

/// A row of k elements.
template <class Block>
void decode_row(const Byte* row, std::size_t k, float* w) {
  for (std::size_t i = 0; i < k / Block::kElements; ++i)
    Block::decode(row + i * Block::kBytes, w + i * Block::kElements);
}

inline float dot_product(const float* a, const float* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// sum over the elements of a row of blocks, each decoded as it is needed.
template <class Block>
float row_product(const Byte* row, const float* x, std::size_t k) {
  float sum = 0, w[Block::kElements];
  for (std::size_t i = 0; i < k / Block::kElements; ++i) {
    Block::decode(row + i * Block::kBytes, w);
    sum += dot_product(w, x + i * Block::kElements, Block::kElements);
  }
  return sum;
}

}  // namespace anymetal::cases::plain
