// x for the whole-number products of NVIDIA's matrix units (mma.m16n8k32): 256 elements at a time are multiples of one
// power of two, each the sum of four signed bytes, its limbs, that count 2^24, 2^16, 2^8 and 1. A limb is a column of
// the product.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// What a format wants of x.
enum class InputSums { None, OfUnits, OfUnitsAsLimbs, OfHalvesAsLimbs };
template <bool kAlternatingOrder, InputSums kSumsOfInput>
struct InputForm {
  // Which elements of a unit are next to each other in a lane's two words: those of its halves (i .. i+3 and 16+i ..
  // 16+i+3), or i, 16+i, i+1, 16+i+1 and the same two further on.
  static constexpr bool kAlternating = kAlternatingOrder;
  static constexpr InputSums kSums = kSumsOfInput;
  // An element is below 2^(kBits + 1): 31 bits with the sign, or so many that sums of 32 of them fit.
  static constexpr int kBits = kSums == InputSums::OfUnitsAsLimbs ? 25 : kSums == InputSums::OfHalvesAsLimbs ? 26 : 29;
};

// In threadgroup memory; a unit is 32 elements.
struct InputLimbs {
  static constexpr uint kPitch = 40;   // words between units, so that stores meet in no bank
  metal::uint2 words[8 * kPitch / 2];  // [unit][limb][t]: elements 4t .. of the first half and of the second
  float unit_sums[16];                 // [unit]: in multiples of 2^16 kUnit, and 0
  uint sums[16];                       // [limb][t]: limbs of sums of four sub-blocks
  float factor;                        // what a multiple of the power of two is worth

  // What lane 4 g + t multiplies unit u with: limb g % 4.
  metal::uint2 unit(uint u, uint lane) const threadgroup { return words[u * (kPitch / 2) + lane % 16]; }
};

// Digits of a number in balanced base 256: its limbs, from the high byte down. Bytes below the highest have their top
// bits flipped.
inline uint raised_digits(int v) { return uint(v) + 0x00808080u; }

// The lane's 8 elements of 256: 4t .. 4t+3 of each half of unit lane / 4, t = lane % 4.
struct InputShare {
  metal::float4 first, second;
};

// The same on their way to being limbs: with what all 256 are scaled by.
struct ScaledShare {
  float x[8];
  uint power;     // the largest element's, as a float's bits
  float special;  // 0, or the infinity or NaN among the elements

  // The whole simdgroup must call.
  explicit ScaledShare(InputShare share) : special(0.0f) {
    uint bits = 0;
    for (uint i = 0; i < 8; ++i) {
      x[i] = i < 4 ? share.first[i] : share.second[i - 4];
      bits = metal::max(bits, metal::as_type<uint>(metal::fabs(x[i])));
    }
    bits = metal::simd_max(bits);
    if (bits >= 0x7f800000u) {
      // Infinities alone decide the signs of the results, which are infinite or NaN.
      special = metal::as_type<float>(bits);
      for (uint i = 0; i < 8; ++i) x[i] = metal::isinf(x[i]) ? metal::copysign(1.0f, x[i]) : 0.0f;
      bits = 0x3f800000u;
    }
    power = metal::max(bits & 0x7f800000u, 30u << 23);  // 2^-97 at least
  }

  template <class Form>
  void store(threadgroup InputLimbs& to, uint lane) const {
    const uint unit = lane / 4, t = lane % 4;
    const float scale = metal::as_type<float>(((254u + Form::kBits) << 23) - power);
    int v[8];
    for (uint i = 0; i < 8; ++i) v[i] = nvidia::nearest_int(x[i] * scale);
    metal::uint2 columns[4];
    for (uint w = 0; w < 2; ++w) {
      uint d[4];
      for (uint i = 0; i < 4; ++i) d[i] = raised_digits(v[Form::kAlternating ? 2 * w + i / 2 + i % 2 * 4 : 4 * w + i]);
      const uint low[2] = {nvidia::permute_bytes(d[0], d[1], 0x5140u), nvidia::permute_bytes(d[2], d[3], 0x5140u)};
      const uint high[2] = {nvidia::permute_bytes(d[0], d[1], 0x7362u), nvidia::permute_bytes(d[2], d[3], 0x7362u)};
      columns[0][w] = nvidia::permute_bytes(high[0], high[1], 0x7632u);
      columns[1][w] = nvidia::permute_bytes(high[0], high[1], 0x5410u) ^ 0x80808080u;
      columns[2][w] = nvidia::permute_bytes(low[0], low[1], 0x7632u) ^ 0x80808080u;
      columns[3][w] = nvidia::permute_bytes(low[0], low[1], 0x5410u) ^ 0x80808080u;
    }
    threadgroup metal::uint2* words = to.words + unit * (InputLimbs::kPitch / 2) + t;
    for (uint limb = 0; limb < 4; ++limb) words[4 * limb] = columns[limb];
    if (lane == 0) to.factor = special != 0.0f ? special : metal::as_type<float>(power - (uint(Form::kBits) << 23));

    if constexpr (Form::kSums == InputSums::OfUnits) {
      float sum = 0.0f;
      for (uint i = 0; i < 8; ++i) sum += x[i];
      sum += metal::simd_shuffle_xor(sum, 1);
      sum += metal::simd_shuffle_xor(sum, 2);
      if (t < 2) to.unit_sums[2 * unit + t] = t == 0 ? sum * scale * (0x1p-16f / Form::kUnit) : 0.0f;
    }
    const int halves[2] = {(v[0] + v[1]) + (v[2] + v[3]), (v[4] + v[5]) + (v[6] + v[7])};
    if constexpr (Form::kSums == InputSums::OfUnitsAsLimbs) store_sum(to, halves[0] + halves[1], unit, t);
    if constexpr (Form::kSums == InputSums::OfHalvesAsLimbs) {
      for (uint i = 0; i < 2; ++i) store_sum(to, halves[i], 2 * unit + i, t);
    }
  }

 private:
  // Limbs of the sum over four lanes, one by each of them.
  static void store_sum(threadgroup InputLimbs& to, int sum, uint sub_block, uint t) {
    sum += metal::simd_shuffle_xor(sum, 1);
    sum += metal::simd_shuffle_xor(sum, 2);
    const uint digits = raised_digits(sum) ^ 0x00808080u;
    ((threadgroup uchar*)to.sums)[16 * t + sub_block] = uchar(digits >> (24 - 8 * t));
  }
};

}  // namespace anymetal
