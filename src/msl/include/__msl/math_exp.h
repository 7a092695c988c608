#pragma once
// Exponential and hyperbolic functions.
//
// e^x = 2^n * e^r with n = round(x / ln 2): |r| <= ln(2) / 2, where e^r is a polynomial (minimax, coefficients rounded
// to float one after the other). Arguments are first limited to where the result is 0 or infinity for certain.
#pragma clang system_header
#include "math_bits.h"

namespace __msl::math {

/// e^x = result * 2^n for x in [-104, 90]; result within [0.7, 1.42].
__MSL_MATH float exp_split(float x, int& n) {
  __MSL_EXACT
  const float whole = round_product(x, 1.44269502f, n);
  const float r = fma(whole, 1.90465421e-9f, fma(whole, -0.693147182f, x));  // first fma exact
  float q = 1.38235220e-3f;
  q = fma(q, r, 8.36881902e-3f);
  q = fma(q, r, 4.16682363e-2f);
  q = fma(q, r, 0.166665196f);
  q = fma(q, r, 0.499999940f);
  return 1.0f + fma(r * r, q, r);
}

/// 2^r for r in [-1/2, 1/2].
__MSL_MATH float exp2_polynomial(float r) {
  float q = 1.52449866e-4f;
  q = fma(q, r, 1.33916829e-3f);
  q = fma(q, r, 9.61882621e-3f);
  q = fma(q, r, 5.55035807e-2f);
  q = fma(q, r, 0.240226448f);
  q = fma(q, r, 0.693147182f);
  return fma(q, r, 1.0f);
}

/// e^x - 1 for x in [-60, 60], small relative error also near 0.
__MSL_MATH float expm1_limited(float x) {
  __MSL_EXACT
  int n;
  const float whole = round_product(x, 1.44269502f, n);
  const float r = fma(whole, 1.90465421e-9f, fma(whole, -0.693147182f, x));
  float q = 1.38235220e-3f;
  q = fma(q, r, 8.36881902e-3f);
  q = fma(q, r, 4.16682363e-2f);
  q = fma(q, r, 0.166665196f);
  q = fma(q, r, 0.499999940f);
  const float scale = power_of_two(n);
  return fma(scale, fma(r * r, q, r), scale - 1.0f);
}

/// e^|x| / 2, infinite only where that is.
__MSL_MATH float half_exp(float x) {
  int n;
  const float p = exp_split(limit(magnitude(x), 0.0f, 90.0f), n);
  return scale_by(p, n - 1);
}

namespace precise {

__MSL_MATH float exp(float x) {
  int n;
  const float p = exp_split(limit(x, -104.0f, 90.0f), n);
  return scale_by(p, n);
}

/// Exact for whole x, which leave nothing for the polynomial. n = round(x) is split in two powers of two, so that only the
/// last product rounds, where the result overflows or is subnormal.
__MSL_MATH float exp2(float x) {
  __MSL_EXACT
  constexpr float kShifter = 12582912.0f + 254.0f;  // as in round_product; twice an exponent's bias is in n already
  const float limited = limit(x, -151.0f, 129.0f);
  const float shifted = limited + kShifter;
  const unsigned n = to_bits(shifted);
  const unsigned half = (n << 22) & kInfinityBits;  // n / 2, rounded down, as an exponent
  return exp2_polynomial(limited - (shifted - kShifter)) * from_bits(half) * from_bits((n << 23) - half);
}

__MSL_MATH float exp10(float x) {
  const float limited = limit(x, -46.0f, 39.0f);
  int n;
  const float whole = round_product(limited, 3.32192802f, n);
  const float r = fma(whole, 1.43209888e-8f, fma(whole, -0.301030010f, limited));
  float q = 0.205359623f;
  q = fma(q, r, 0.541838586f);
  q = fma(q, r, 1.17132366f);
  q = fma(q, r, 2.03465581f);
  q = fma(q, r, 2.65094852f);
  q = fma(q, r, 2.30258512f);
  return scale_by(fma(q, r, 1.0f), n);
}

__MSL_MATH float sinh(float x) {
  __MSL_EXACT
  const float z = x * x;
  float q = 2.78998391e-6f;
  q = fma(q, z, 1.98416659e-4f);
  q = fma(q, z, 8.33331514e-3f);
  q = fma(q, z, 0.166666672f);
  const float small = fma(x * z, q, x);
  const float half = half_exp(x);
  const float large = flip_sign(half - 0.25f / half, sign_of(x));
  return magnitude(x) < 1.0f ? small : large;
}

__MSL_MATH float cosh(float x) {
  __MSL_EXACT
  const float half = half_exp(x);
  return half + 0.25f / half;
}

__MSL_MATH float tanh(float x) {
  __MSL_EXACT
  const float e = expm1_limited(2.0f * limit(x, -10.0f, 10.0f));  // 1 - tanh(10) is far below half an ULP of 1
  return flip_sign(magnitude(e / (e + 2.0f)), sign_of(x));
}

}  // namespace precise
}  // namespace __msl::math
