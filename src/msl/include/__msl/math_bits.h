#pragma once
// Bits of a float, powers of two, and the tricks that every elementary function is assembled from.
//
// All of math_*.h is straight-line code on float and 32-bit integers: no memory, no calls, choices by ?:, so that a
// loop over it becomes vector code on a CPU and a few dozen instructions on a GPU. Rounding errors are computed and
// subtracted in many places; each function that does so starts with __MSL_EXACT, which takes the licence to
// reassociate, contract and use reciprocals from its operations, whatever the flags of the code it is inlined into.
// Signs of zeros are set through the bits, never by arithmetic: the flags may ignore them.
#pragma clang system_header

#define __MSL_MATH static inline constexpr __attribute__((always_inline, nodebug))
#define __MSL_EXACT _Pragma("clang fp reassociate(off) reciprocal(off) contract(off)")

namespace __msl::math {

constexpr unsigned kSignBit = 0x80000000u;
constexpr unsigned kInfinityBits = 0x7f800000u;
constexpr float kInfinity = __builtin_huge_valf();
constexpr float kNaN = __builtin_nanf("");

__MSL_MATH unsigned to_bits(float x) { return __builtin_bit_cast(unsigned, x); }
__MSL_MATH float from_bits(unsigned bits) { return __builtin_bit_cast(float, bits); }
__MSL_MATH float magnitude(float x) { return from_bits(to_bits(x) & ~kSignBit); }
__MSL_MATH unsigned sign_of(float x) { return to_bits(x) & kSignBit; }
/// x with its sign flipped where the sign bit of `sign` is set.
__MSL_MATH float flip_sign(float x, unsigned sign) { return from_bits(to_bits(x) ^ sign); }
__MSL_MATH bool is_nan(float x) { return x != x; }

// What Clang does not evaluate in constant expressions, by arithmetic on double.
__MSL_MATH float constant_fma(float a, float b, float c) {
  return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c));
}
/// Newton's iteration from half the exponent: right to more than the bits of a float after five steps.
__MSL_MATH float constant_root(float x) {
  if (!(x > 0.0f && x < kInfinity)) return x < 0.0f ? kNaN : x;
  const double square = x;
  double root = __builtin_bit_cast(double, (__builtin_bit_cast(unsigned long, square) >> 1) + 0x1ff8000000000000ul);
  for (int i = 0; i < 5; ++i) root = (root + square / root) * 0.5;
  return static_cast<float>(root);
}
/// Toward zero.
__MSL_MATH float constant_whole(float x) {
  const bool has_fraction = magnitude(x) < 0x1p23f;
  return has_fraction ? from_bits(to_bits(static_cast<float>(static_cast<int>(x))) | sign_of(x)) : x;
}
__MSL_MATH float constant_floor(float x) {
  const float whole = constant_whole(x);
  return whole > x ? whole - 1.0f : whole;
}
__MSL_MATH float constant_ceil(float x) {
  const float whole = constant_whole(x);
  return whole < x ? whole + 1.0f : whole;
}
/// To nearest even: of a float in the upper half of double's bits the fraction goes.
__MSL_MATH float constant_rint(float x) {
  constexpr double kShifter = 0x1.8p52f;
  const float near = static_cast<float>((static_cast<double>(x) + kShifter) - kShifter);
  return magnitude(x) < 0x1p23f ? from_bits(to_bits(near) | sign_of(x)) : x;
}
/// Halves away from zero.
__MSL_MATH float constant_round(float x) {
  const float whole = constant_whole(x);
  return magnitude(x - whole) < 0.5f || !(magnitude(x) < 0x1p23f) ? whole
                                                                  : whole + from_bits(to_bits(1.0f) | sign_of(x));
}

__MSL_MATH float fma(float a, float b, float c) {
  __MSL_EXACT
  if consteval {
    return constant_fma(a, b, c);
  } else {
    return __builtin_fmaf(a, b, c);
  }
}
__MSL_MATH float square_root(float x) {
  __MSL_EXACT
  if consteval {
    return constant_root(x);
  } else {
    return __builtin_elementwise_sqrt(x);
  }
}
__MSL_MATH float truncate(float x) {
  __MSL_EXACT
  if consteval {
    return constant_whole(x);
  } else {
    return __builtin_truncf(x);
  }
}
/// Keeps NaN.
__MSL_MATH float limit(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// 2^n for n in [-126, 127].
__MSL_MATH float power_of_two(int n) { return from_bits(static_cast<unsigned>(n + 127) << 23); }

/// x * 2^n for n in [-252, 254] and x within [2^-1, 2^1]: one rounding, also into the subnormals.
__MSL_MATH float scale_by(float x, int n) {
  __MSL_EXACT
  const int half = n >> 1;
  return x * power_of_two(half) * power_of_two(n - half);
}

/// a * b + shift, rounded to the nearest integer, as float; `bits` gets the integer. |result| < 2^22.
/// Adding 1.5 * 2^23 leaves the integer in the low bits of the significand; NaN goes through without a conversion.
__MSL_MATH float round_product(float a, float b, int& bits) {
  __MSL_EXACT
  constexpr float kShifter = 12582912.0f;
  const float shifted = fma(a, b, kShifter);
  bits = static_cast<int>(to_bits(shifted) - to_bits(kShifter));
  return shifted - kShifter;
}

/// x = significand * 2^exponent with the significand in [sqrt(1/2), sqrt(2)), for positive finite x.
__MSL_MATH float split_exponent(float x, int& exponent) {
  __MSL_EXACT
  constexpr unsigned kSqrtHalf = 0x3f3504f3u;
  const bool subnormal = x < 0x1p-126f;
  const unsigned bits = to_bits(subnormal ? x * 0x1p23f : x) - kSqrtHalf;
  exponent = (static_cast<int>(bits) >> 23) - (subnormal ? 23 : 0);
  return from_bits((bits & 0x7fffffu) + kSqrtHalf);
}

}  // namespace __msl::math
