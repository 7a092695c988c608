#pragma once
// Functions with one right answer: parts of a float, scaling by powers of two, the exact remainder.
#pragma clang system_header
#include "math_bits.h"

namespace __msl::math {

__MSL_MATH float floor(float x) {
  if consteval {
    return constant_floor(x);
  } else {
    return __builtin_floorf(x);
  }
}

/// x - floor x, never 1; NaN at infinities.
__MSL_MATH float fract(float x) {
  __MSL_EXACT
  const float part = x - floor(x);
  return part > 0x1.fffffep-1f ? 0x1.fffffep-1f : part;
}

__MSL_MATH float fdim(float x, float y) {
  __MSL_EXACT
  const float difference = x - y;
  return x <= y ? 0.0f : difference;
}

/// Fraction of x, the whole part in `whole`, both with the sign of x.
__MSL_MATH float modf(float x, float& whole) {
  __MSL_EXACT
  whole = truncate(x);
  const float part = magnitude(x) == kInfinity ? 0.0f : magnitude(x - whole);
  return flip_sign(part, sign_of(x));
}

/// x as a normal number times 2^-shift: subnormals become workable. Returns the biased exponent field with it.
__MSL_MATH int biased_exponent(float x, unsigned& bits) {
  __MSL_EXACT
  const bool subnormal = magnitude(x) < 0x1p-126f;
  bits = to_bits(subnormal ? x * 0x1p24f : x);
  return static_cast<int>((bits >> 23) & 0xffu) - (subnormal ? 24 : 0);
}

/// Significand with magnitude in [1/2, 1); zero, infinities and NaN come back with exponent 0.
__MSL_MATH float frexp(float x, int& exponent) {
  unsigned bits;
  const int biased = biased_exponent(x, bits);
  const bool special = x == 0.0f || !(magnitude(x) < kInfinity);
  exponent = special ? 0 : biased - 126;
  return special ? x : from_bits((bits & 0x807fffffu) | 0x3f000000u);
}

/// Exponent of x; INT_MIN at zero, INT_MAX at infinities and NaN.
__MSL_MATH int ilogb(float x) {
  unsigned bits;
  const int biased = biased_exponent(x, bits);
  const int edge = x == 0.0f ? -0x7fffffff - 1 : 0x7fffffff;
  return x == 0.0f || !(magnitude(x) < kInfinity) ? edge : biased - 127;
}

/// x * 2^k, rounded once. The smallest factor goes first: what it may lose is then lost altogether in the next.
__MSL_MATH float ldexp(float x, int k) {
  __MSL_EXACT
  const int all = k < -378 ? -378 : (k > 381 ? 381 : k);
  const int third = all < -126 ? -126 : (all > 127 ? 127 : all);
  const int rest = all - third;
  const int second = rest < -126 ? -126 : (rest > 127 ? 127 : rest);
  return x * power_of_two(rest - second) * power_of_two(second) * power_of_two(third);
}

/// The neighbour of x in the direction of y.
__MSL_MATH float nextafter(float x, float y) {
  const unsigned bits = to_bits(x);
  const bool outward = (x < y) == (sign_of(x) == 0u);
  const unsigned neighbour = outward ? bits + 1u : bits - 1u;
  const unsigned moved = x == 0.0f ? (sign_of(y) | 1u) : neighbour;
  return is_nan(x) || is_nan(y) ? kNaN : (x == y ? y : from_bits(moved));
}

/// x - y * trunc(x / y) exactly, with the sign of x. Long division in steps of at most 22 quotient bits: each remainder
/// is a float. One step unless the quotient is huge.
__MSL_MATH float fmod(float x, float y) {
  __MSL_EXACT
  const float divisor = magnitude(y);
  float rest = magnitude(x);
  if (!(rest < kInfinity) || divisor == 0.0f || is_nan(y)) return kNaN;
  while (rest >= divisor) {
    unsigned bits;
    const int gap = biased_exponent(rest, bits) - biased_exponent(divisor, bits);
    const float step = ldexp(divisor, gap > 22 ? gap - 22 : 0);
    const float left = fma(-truncate(rest / step), step, rest);
    rest = left < 0.0f ? left + step : left;  // the quotient was rounded up to a whole number
  }
  return flip_sign(rest, sign_of(x));
}

}  // namespace __msl::math
