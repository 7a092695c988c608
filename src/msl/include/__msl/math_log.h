#pragma once
// Logarithms and inverse hyperbolic functions.
//
// x = 2^e * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)): log x = e * log 2 + log(1 + f), the latter a polynomial that is
// a multiple of f, so that the relative error stays small near 1.
#pragma clang system_header
#include "math_bits.h"

namespace __msl::math {

/// `result` where x is positive and finite; -infinity at 0, infinity at infinity, NaN below 0 and at NaN.
__MSL_MATH float log_edges(float x, float result) {
  const float edge = x == 0.0f ? -kInfinity : (x < 0.0f ? kNaN : x);
  return x > 0.0f && x < kInfinity ? result : edge;
}

/// exponent * ln 2 + ln(1 + f).
__MSL_MATH float log_polynomial(float f, float exponent) {
  __MSL_EXACT
  float q = -7.28602409e-2f;
  q = fma(q, f, 0.125658914f);
  q = fma(q, f, -0.132123560f);
  q = fma(q, f, 0.142389074f);
  q = fma(q, f, -0.166212067f);
  q = fma(q, f, 0.199989900f);
  q = fma(q, f, -0.250008404f);
  q = fma(q, f, 0.333333731f);
  const float tail = f * f * fma(q, f, -0.5f);
  return fma(exponent, 0.693147182f, f + fma(exponent, -1.90465421e-9f, tail));
}

/// ln(1 + x) for x >= 0 or NaN, also for tiny x, and for x in (-1, 0).
__MSL_MATH float log1p(float x) {
  __MSL_EXACT
  const float sum = 1.0f + x;
  const float lost = x < 1.0f ? x - (sum - 1.0f) : 1.0f - (sum - x);
  int exponent;
  const float significand = split_exponent(sum, exponent);
  const bool matters = sum < 0x1p30f;
  const float f = (significand - 1.0f) + (matters ? lost * power_of_two(matters ? -exponent : 0) : 0.0f);
  return log_edges(sum, log_polynomial(f, static_cast<float>(exponent)));
}

namespace precise {

__MSL_MATH float log(float x) {
  __MSL_EXACT
  int exponent;
  const float f = split_exponent(x, exponent) - 1.0f;
  return log_edges(x, log_polynomial(f, static_cast<float>(exponent)));
}

__MSL_MATH float log2(float x) {
  __MSL_EXACT
  int exponent;
  const float f = split_exponent(x, exponent) - 1.0f;
  float q = -9.87955257e-2f;
  q = fma(q, f, 0.179981574f);
  q = fma(q, f, -0.193022653f);
  q = fma(q, f, 0.205914721f);
  q = fma(q, f, -0.239505902f);
  q = fma(q, f, 0.288472563f);
  q = fma(q, f, -0.360699058f);
  q = fma(q, f, 0.480900824f);
  q = fma(q, f, -0.721347332f);
  q = fma(q, f, 1.44269502f);
  return log_edges(x, fma(q, f, static_cast<float>(exponent)));
}

__MSL_MATH float log10(float x) {
  __MSL_EXACT
  int exponent;
  const float f = split_exponent(x, exponent) - 1.0f;
  float q = -3.91467810e-2f;
  q = fma(q, f, 5.95713481e-2f);
  q = fma(q, f, -5.65502755e-2f);
  q = fma(q, f, 6.08573705e-2f);
  q = fma(q, f, -7.21754581e-2f);
  q = fma(q, f, 8.69193152e-2f);
  q = fma(q, f, -0.108580120f);
  q = fma(q, f, 0.144763410f);
  q = fma(q, f, -0.217147186f);
  q = fma(q, f, 0.434294492f);
  const float e = static_cast<float>(exponent);
  return log_edges(x, fma(e, 0.301030010f, fma(e, -1.43209888e-8f, q * f)));
}

// Beyond kLarge the 1 under the root vanishes: asinh(x) = acosh(x) = ln(2 x).
constexpr float kLarge = 0x1p28f;

__MSL_MATH float asinh(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  const bool large = a > kLarge;
  const float square = large ? 0.0f : a * a;
  const float y = log1p(a + square / (1.0f + square_root(1.0f + square)));
  return flip_sign(large ? y + 0.693147182f : y, sign_of(x));
}

__MSL_MATH float acosh(float x) {
  __MSL_EXACT
  const bool large = x > kLarge;
  const float t = x - 1.0f;
  const float y = log1p(large ? x : t + square_root(fma(t, t, 2.0f * t)));
  return x < 1.0f ? kNaN : (large ? y + 0.693147182f : y);
}

__MSL_MATH float atanh(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  return flip_sign(0.5f * log1p(2.0f * a / (1.0f - a)), sign_of(x));
}

}  // namespace precise
}  // namespace __msl::math
